/** Every key against `@polkadot-api/substrate-bindings`, which hashes the names itself. */

import {
  Blake2128Concat,
  Bytes,
  Identity,
  Storage,
  Twox64Concat,
  u16,
  u32,
} from '@polkadot-api/substrate-bindings'
import { expect, test } from 'vitest'
import {
  accountKey,
  BLOCK_NUMBER,
  GENESIS_HASH,
  networkKey,
  TIMESTAMP_NOW,
  uidCountKey,
  uidKey,
} from '../../src/metagraph/storage-keys.ts'
import { account } from '../support/chain-fetch.ts'

const subtensor = Storage('SubtensorModule')
const netuidArg: [typeof u16, typeof Identity] = [u16, Identity]

test.each([0, 1, 100, 255, 256, 65_535])('items of subnet %d', (netuid) => {
  expect(uidCountKey(netuid)).toBe(subtensor('SubnetworkN', netuidArg).enc(netuid))
  expect(networkKey(netuid)).toBe(subtensor('NetworksAdded', netuidArg).enc(netuid))
  for (const uid of [0, 1, 255, 256, 4095]) {
    expect(accountKey(netuid, uid)).toBe(subtensor('Keys', netuidArg, netuidArg).enc(netuid, uid))
  }
  const key = account(netuid)
  const uids = subtensor('Uids', netuidArg, [Bytes(32), Blake2128Concat])
  expect(uidKey(netuid, key)).toBe(uids.enc(netuid, key))
})

test('items of the chain', () => {
  expect(BLOCK_NUMBER).toBe(Storage('System')('Number').enc())
  expect(TIMESTAMP_NOW).toBe(Storage('Timestamp')('Now').enc())
  expect(GENESIS_HASH).toBe(Storage('System')('BlockHash', [u32, Twox64Concat]).enc(0))
})
