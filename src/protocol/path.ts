/**
 * One reading of the request path.
 *
 * The platform hands over the raw target. `new URL()` would resolve dot segments and Hono would
 * decode the path in part, so a request could be routed as one challenge's and forwarded to
 * another. Here the path is cut out of the URL as text and percent-decoded once. That text is
 * routed, signed and forwarded.
 */

/** The path of a request URL as sent, from the first `/` to `?` or `#`. */
export function rawPath(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  return url.slice(start).replace(/[?#].*/s, '')
}

/**
 * Percent-decoded path of a request URL. Malformed escapes stay as they are, bad UTF-8 becomes
 * U+FFFD, as Python's `unquote` does.
 */
export function decodedPath(url: string): string {
  return percentDecoded(rawPath(url))
}

/** Text with its escapes decoded once. */
export function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
    const bytes = Uint8Array.from(run.slice(1).split('%'), (hex) => Number.parseInt(hex, 16))
    return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes)
  })
}

/** The request target of a URL as sent: raw path and query. */
export function rawTarget(url: string): string {
  return rawPath(url) + rawQuery(url)
}

/**
 * The query with its `?`, byte for byte as sent, or the empty string. A `#` ends it: no request
 * may have one, but the runtime passes it on.
 */
export function rawQuery(url: string): string {
  return /^[^?#]*(\?[^#]*)/.exec(url)?.[1] ?? ''
}

/**
 * A decoded path in its one encoded form: all but `A-Z a-z 0-9 - . _ ~ /` as upper-case escapes of
 * UTF-8, like Python's `quote`.
 */
export function encodedPath(path: string): string {
  return isUnreserved(path) ? path : path.split('/').map(encodedSegment).join('/')
}

/** Whether no encoding or decoding changes the path, which is true of most. */
export function isUnreserved(path: string): boolean {
  return /^[A-Za-z0-9._~/-]*$/.test(path)
}

function encodedSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * Whether every layer behind the gateway reads this path segment in the same way: it is not empty,
 * not a dot segment, and has no character that some server takes for a separator, a parameter or
 * the end of a line.
 */
export function isForwardableSegment(segment: string): boolean {
  return !['', '.', '..'].includes(segment) && !/[/\\;\ufffd]|\p{Cc}/u.test(segment)
}
