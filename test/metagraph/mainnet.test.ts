/**
 * A few answers of Bittensor mainnet, recorded by other software;
 * `test/vectors/mainnet-storage.json` says by which.
 */

import { encodeAddress } from '@polkadot/keyring'
import { expect, test } from 'vitest'
import { decodeSs58 } from '../../src/crypto/ss58.ts'
import { checkRecording, mergeAnswers, readUint } from '../../src/metagraph/recording.ts'
import {
  accountKey,
  BLOCK_NUMBER,
  GENESIS_HASH,
  networkKey,
  TIMESTAMP_NOW,
  uidCountKey,
  uidKey,
} from '../../src/metagraph/storage-keys.ts'
import { MAINNET_GENESIS } from '../../src/protocol/metagraph.ts'
import mainnet from '../vectors/mainnet-storage.json' with { type: 'json' }

test('an answer is taken apart under our own keys', () => {
  const { block, changes } = mainnet.networksAdded
  const merged = mergeAnswers(block, [[{ block, changes }]])
  if (!merged.ok) throw new Error(merged.reason)
  expect([...merged.value]).toEqual([0, 1, 2].map((netuid) => [networkKey(netuid), '0x01']))
})

test.each(mainnet.uids.entries)(
  'the uid of $hotkey on subnet $netuid',
  ({ netuid, hotkey, uid, key, value }) => {
    expect(uidKey(netuid, decodeSs58(hotkey)?.publicKey ?? new Uint8Array())).toBe(key)
    expect(readUint(value, 2)).toBe(uid)
  },
)

test('four members of subnet 1', () => {
  const { block, blockHash, accounts } = mainnet.members
  // The recording has the accounts; the items around them are added as the chain would give them.
  const changes = [
    [GENESIS_HASH, MAINNET_GENESIS],
    [networkKey(1), '0x01'],
    [BLOCK_NUMBER, '0x52906800'],
    [TIMESTAMP_NOW, '0x00e8764817000000'],
    [uidCountKey(1), '0x0400'],
    ...accounts.map((account, uid) => [accountKey(1, uid), account]),
  ]
  const recording = { netuid: 1, head: blockHash, answers: [[{ block: blockHash, changes }]] }
  expect(checkRecording(recording, { netuid: 1, genesisHash: MAINNET_GENESIS }, new Map())).toMatchObject({
    ok: true,
    value: { block, blockHash, hotkeys: accounts.map((account) => encodeAddress(account, 42)) },
  })
})
