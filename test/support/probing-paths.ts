/**
 * Paths that probe a proxy's path rules, and what the gateway does with each. "stricter" marks a
 * path that the Python proxy, which this gateway replaces, forwards.
 */

/** Paths below `/challenges/demo`; `true` for one that is sent as it came. */
export const PROBING_PATHS: readonly [
  row: number,
  paths: readonly string[],
  outcome: string | number | true,
][] = [
  [1, ['', '/'], '/'],
  [2, ['/health'], 403],
  [3, ['/version'], 403],
  [4, ['/internal'], 403],
  [5, ['/internal/'], 403],
  [6, ['/internal/v1/get_weights'], 403],
  [7, ['/health/', '/version/'], 403],
  [8, ['/health/x'], true],
  [9, ['/version/1'], true],
  [10, ['/healthz'], true],
  [11, ['/Health'], 403], // stricter: without case
  [12, ['/INTERNAL/v1'], 403], // stricter: without case
  [13, ['//health'], 403],
  [14, ['///internal/x'], 403],
  [15, ['/./health'], 403],
  [16, ['/x/../health'], 403],
  [17, ['/x/../../health'], 403],
  [18, ['/../internal/x'], 403],
  [19, ['/%2e%2e/internal/x'], 403],
  [20, ['/%2E%2E/internal'], 403],
  [21, ['/..%2finternal'], 403],
  [22, ['/x%2f..%2finternal%2fy'], 403],
  [23, ['/%2finternal'], 403],
  [24, ['/internal%2fx'], 403],
  [25, ['/%69nternal/x'], 403],
  [26, ['/internal/x/..'], 403],
  [27, ['/internal/../health'], 403],
  [28, ['/internal%0a', '/health%0a'], 403],
  [29, ['/heal%0ath', '/internal%0a/x'], 403], // 404 there, as its router stops at a newline
  [30, ['/health%0d'], 403], // stricter: control characters
  [31, ['/internal%00'], 403], // stricter: control characters
  [32, ['/internal%20', '/%20internal'], true],
  [33, ['/internal;x=1'], 403], // stricter: parameters
  [34, ['/internal;/x'], 403],
  [35, ['/x/..;/internal'], 403],
  [36, ['/internal.', '/internal..', '/.internal'], true],
  [37, ['/internal\\x'], 403], // stricter: foreign separators
  [38, ['/%5c..%5cinternal'], 403],
  [39, ['/%252e%252e/internal'], 403], // stricter: dots for a server that decodes twice
  [40, ['/%252finternal', '/internal%252fx'], 403], // stricter: separators for a server that decodes twice
  [41, ['/internal%c0%af'], 403], // stricter: not UTF-8
  [42, ['/%ff'], 403], // stricter: not UTF-8
  [43, ['/..', '/../..'], 403], // stricter: dot segments, here and below
  [44, ['/../../v1/registry'], 403],
  [45, ['/internal/..', '/internal/x/../..', '/internal/./..'], 403],
  [46, ['/internal//..'], 403], // the Python proxy lets it through, to row 49
  [47, ['/internal//../v1/get_weights'], 403],
  [48, ['/health//..', '/version//..'], 403],
  [49, ['/internal///..'], 403],
  [50, ['/internal//../../x'], 403],
  [51, ['/a//../internal', '/a/b//../../internal/x'], 403],
  [52, ['/benchmark-executions', '/benchmark-executions/1'], 403],
  [53, ['/benchmark-executions-x', '/x/benchmark-executions'], true],
  [54, ['/benchmarks', '/benchmarks/runs', '/benchmarks/run/x'], true],
  [55, ['/benchmarks/run', '/benchmark/run', '/benchmarks/a/b/execute', '/benchmarks/a/launch/'], 403],
  [55, ['/benchmarks//run', '/benchmarks/x/../run', '/benchmarks/run?x=1'], 403],
  [56, ['/Benchmarks/run', '/benchmarks/RUN'], 403], // stricter: without case
  [56, ['/x/benchmarks/run', '/run', '/launch', '/submissions/1/launch', '/submissions/run'], true],
  [57, ['/a/'], true],
  [57, ['/a//b', '/a/./b', '/a/../b', '/a/b/..', '/a/b/.'], 403], // stricter: empty and dot segments
  [58, ["/a:b@c,d=e&f;g!h$i'j(k)l*m+n"], 403], // stricter: the `;` in it
  [58, ["/a:b@c,d=e&fg!h$i'j(k)l*m+n"], '/a%3Ab%40c%2Cd%3De%26fg%21h%24i%27j%28k%29l%2Am%2Bn'],
  [59, ['/a%25b', '/caf%C3%A9'], true],
  [59, ['/a%'], '/a%25'],
  [59, ['/a%zz'], '/a%25zz'],
  [59, ['/%7Euser'], '/~user'],
  [60, ['/a%3Fb', '/a%3Fb?c=1'], '/a%3Fb'], // the Python proxy sends a tail of it as query
  [60, ['/a%23b?c=1'], '/a%23b'], // the Python proxy loses the query
]
