/**
 * A clock that jumps by up to a day, back and forth, ten times a second, as one does that is set anew or wakes with its machine: for
 * `node --import`. Timers go on as they do: Node's do not look at the clock.
 */
const RealDate = Date;
const day = 86_400_000;
let offset = 0;
setInterval(() => {
  offset = Math.round((2 * Math.random() - 1) * day);
}, 100).unref();

class JumpingDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(RealDate.now() + offset);
    else super(...given);
  }
  static override now = () => RealDate.now() + offset;
}
globalThis.Date = JumpingDate as DateConstructor;
