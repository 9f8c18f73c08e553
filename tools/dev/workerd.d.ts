/** Classes of workerd that code shared with Node mentions; Node never makes one. */

declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {}

declare class FixedLengthStream extends IdentityTransformStream {
  constructor(bytes: number)
}
