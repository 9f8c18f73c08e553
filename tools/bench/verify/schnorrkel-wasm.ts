/**
 * schnorrkel compiled to WebAssembly, called without polkadot-js's bridge.
 *
 * workerd compiles no WebAssembly from bytes at run time, so the module arrives compiled.
 * `ext_sr_verify` takes three buffers, frees them itself, and needs none of its imports.
 */
interface SchnorrkelExports {
  readonly memory: WebAssembly.Memory
  __wbindgen_malloc(length: number): number
  ext_sr_verify(...pointersAndLengths: number[]): number
}

export type WasmVerify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

export function instantiateSchnorrkel(module: WebAssembly.Module): WasmVerify {
  const unused: Record<string, () => never> = {}
  for (const { name } of WebAssembly.Module.imports(module)) {
    unused[name] = () => {
      throw new Error(`schnorrkel called ${name}`)
    }
  }
  const wasm = readExports(new WebAssembly.Instance(module, { wbg: unused }).exports)
  const place = (bytes: Uint8Array): [pointer: number, length: number] => {
    const pointer = wasm.__wbindgen_malloc(bytes.length)
    new Uint8Array(wasm.memory.buffer).set(bytes, pointer)
    return [pointer, bytes.length]
  }
  return (publicKey, message, signature) =>
    wasm.ext_sr_verify(...place(signature), ...place(message), ...place(publicKey)) !== 0
}

function readExports(exports: WebAssembly.Exports): SchnorrkelExports {
  const { memory, __wbindgen_malloc: malloc, ext_sr_verify: verify } = exports
  if (
    !(memory instanceof WebAssembly.Memory) ||
    typeof malloc !== 'function' ||
    typeof verify !== 'function'
  ) {
    throw new Error('this is not @polkadot/wasm-crypto-wasm')
  }
  return {
    memory,
    __wbindgen_malloc: (length) => Number(malloc(length)),
    ext_sr_verify: (...args) => Number(verify(...args)),
  }
}
