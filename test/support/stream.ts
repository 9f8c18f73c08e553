/** A request body, as the platform hands it over: a byte stream. */

/**
 * `breaks`: the client is gone after the last chunk. `onRead` is called for each read.
 */
export function byteStream(
  chunks: readonly Uint8Array[],
  onRead: () => void = () => {},
  breaks = false,
): ReadableStream<Uint8Array> {
  const left = chunks.filter((chunk) => chunk.byteLength > 0)
  const source: UnderlyingByteSource = {
    type: 'bytes',
    pull(controller: ReadableByteStreamController) {
      onRead()
      const chunk = left.shift()
      if (chunk !== undefined) return controller.enqueue(chunk.slice())
      if (breaks) return controller.error(new Error('reset'))
      controller.close()
      controller.byobRequest?.respond(0)
    },
  }
  return new ReadableStream(source)
}
