import { describe, expect, it } from "vitest";
import { leftBehindNote } from "../../src/domain/left-behind.ts";

const note = (failed: number, holding: number, serving: number, earlier = 0) =>
  leftBehindNote({ failed, earlier, holding, serving });
const byRows = (failed: number, holding: number, serving: number) =>
  leftBehindNote({ failed, holding, serving, byRows: true });

const BACK = "; RollbackAll with include_failed returns those of this rollout";

describe("what is said of those that failed", () => {
  it("speaks of one as of one", () => {
    const one = "The failed sentinel, which RollbackAll leaves alone, ";
    const next = `: a Rollout of the image that it is to run moves it, or a Deploy to it${BACK}.`;
    expect(note(1, 0, 0)).toBe(`${one}is not set to the image.`);
    expect(note(1, 1, 0)).toBe(`${one}is set to the image and does not serve it${next}`);
    expect(note(1, 1, 1)).toBe(`${one}is set to the image and serves it${next}`);
  });

  it("counts several", () => {
    const two = "Of the 2 failed sentinels, which RollbackAll leaves alone, ";
    const next = `: a Rollout of the image that they are to run moves them, or a Deploy to each${BACK}.`;
    expect(note(2, 0, 0)).toBe(`${two}none is set to the image.`);
    expect(note(2, 1, 0)).toBe(`${two}1 is set to the image, and none serves it${next}`);
    expect(note(2, 2, 1)).toBe(`${two}2 are set to the image, and 1 serves it${next}`);
    expect(note(2, 2, 2)).toBe(`${two}2 are set to the image, and 2 serve it${next}`);
  });

  it("says so where it goes by their rows alone", () => {
    expect(byRows(1, 0, 0)).toContain(" is not set to the image, by its row.");
    expect(byRows(1, 1, 1)).toContain(" is set to the image, by its row, and serves it:");
    expect(byRows(2, 0, 0)).toContain(" none is set to the image, by their rows.");
    expect(byRows(2, 1, 0)).toContain(" 1 is set to the image, by their rows, and none serves it:");
  });

  it("names those of an earlier rollout", () => {
    expect(note(2, 1, 1, 1)).toContain(
      "Of the 2 failed sentinels (1 of them in an earlier rollout of this image), which RollbackAll",
    );
    expect(note(1, 1, 1, 1)).toContain("The failed sentinel (in an earlier rollout of this image), which");
    expect(note(0, 0, 0)).toBe("");
  });
});
