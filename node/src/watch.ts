/**
 * What is to be done when an object is garbage. It must not lead back to that object, and runs no
 * code of the application (S1.12).
 */
export interface Watched {
  forget(): void;
}

/** An object that can be watched. */
export interface Mortal {
  /** Where it stands in its watch: `UNWATCHED` at first. */
  place: number;
  /** What is to be done where nothing else was said. */
  held?(): Watched;
}

export const UNWATCHED = -1;
const REGISTERED = -2;

/**
 * Lets what was left for an object know when the object is garbage.
 *
 * To register an object with the engine and to take it back costs more than a whole scope, and most
 * objects are watched for a moment only. So they are held at first, and registered by the first
 * garbage collection that finds them still watched; a later one can tell that they are garbage.
 */
export class Watch {
  private readonly young: Mortal[] = [];
  /** What was left for each of the young. */
  private readonly left: (Watched | undefined)[] = [];
  private readonly registry = new FinalizationRegistry<Watched>((watched) => watched.forget());
  private readonly collections = new FinalizationRegistry<undefined>(() => this.registerAll());
  private isAwaitingCollection = false;

  /**
   * @param watched Is told when the object is garbage, some garbage collections later; undefined
   *   for what the object itself says then.
   */
  add(object: Mortal, watched?: Watched): void {
    object.place = this.young.length;
    this.young.push(object);
    this.left.push(watched);
    if (this.isAwaitingCollection) return;
    this.isAwaitingCollection = true;
    // Nothing refers to this object: the next collection finds it.
    this.collections.register({}, undefined);
  }

  /** Takes an object back. One that is not watched is left alone. */
  remove(object: Mortal): void {
    const { place } = object;
    if (place === UNWATCHED) return;
    object.place = UNWATCHED;
    if (place === REGISTERED) {
      this.registry.unregister(object);
      return;
    }
    const last = this.young.pop()!;
    const left = this.left.pop();
    if (last === object) return;
    this.young[place] = last;
    this.left[place] = left;
    last.place = place;
  }

  private registerAll(): void {
    this.isAwaitingCollection = false;
    this.young.forEach((object, i) => {
      object.place = REGISTERED;
      this.registry.register(object, this.left[i] ?? object.held!(), object);
    });
    this.young.length = 0;
    this.left.length = 0;
  }
}
