// Chance that can be repeated: the seed is BITVAULT_SEED, or drawn; put it into the test's name.
import { randomInt } from "node:crypto";

export const seed = Number(process.env.BITVAULT_SEED ?? randomInt(2 ** 31));

// mulberry32.
export class Dice {
  #state = seed;

  // 0 .. bound - 1
  below(bound) {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) % bound;
  }

  // `count` different ones, in their order.
  some(list, count) {
    const left = list.map((_, i) => i);
    const chosen = [];
    while (chosen.length < count && left.length > 0) chosen.push(...left.splice(this.below(left.length), 1));
    return chosen.sort((a, b) => a - b).map((i) => list[i]);
  }
}
