import { describe, expect, it } from "vitest";
import { JournalRoom, MOST_BYTES, MOST_ENTRIES } from "../../src/rollout/journal-room.ts";

const KIB = 1024;

/** How often that is done before somebody else is to go on. */
function timesOf(once: (room: JournalRoom) => void): number {
  const room = new JournalRoom();
  let times = 0;
  for (; !room.isFull; times++) once(room);
  return times;
}

describe("the room of a journal", () => {
  it("is full after some thirty looks at the largest head and drive, with room left for a large last one", () => {
    const bytes: number[] = [];
    const looks = timesOf((room) => {
      const count = room.counting((_, each) => bytes.push(each));
      room.add(15);
      count("read", 32 * KIB);
      count("read", 32 * KIB);
    });
    expect(looks).toBeGreaterThan(20);
    expect(looks * 64 * KIB).toBeLessThanOrEqual(MOST_BYTES / 2 + 64 * KIB);
    expect(bytes, "and what counts the state's bytes hears of them").toHaveLength(2 * looks);
  });

  it("is full by the number of its entries where they are small", () => {
    const looks = timesOf((room) => room.add(15));
    expect(looks * 15).toBeLessThanOrEqual(MOST_ENTRIES / 2 + 15);
  });

  it("counts what is told of lanes that do not answer, as bytes", () => {
    const held = Array.from({ length: 1_000 }, () => "\u8a9e".repeat(100));
    expect(timesOf((room) => room.add(3, held))).toBe(7);
    expect(timesOf((room) => room.add(MOST_ENTRIES, undefined))).toBe(1);
  });
});
