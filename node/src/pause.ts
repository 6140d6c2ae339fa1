/**
 * What a target returns whose call lasts for as long as a generator: the call comes to rest until
 * it is resumed (Operation.resume). To others it is a promise that never settles.
 */
export class Pause implements PromiseLike<never> {
  then(): PromiseLike<never> {
    return this;
  }
}
