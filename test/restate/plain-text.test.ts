import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText } from "../../src/util/plain-text.ts";

describe("what somebody else says", () => {
  it.each([
    ["ImagePullBackOff: manifest unknown", "ImagePullBackOff: manifest unknown"],
    ["  two\r\nlines\n\n\nand\ttabs ", "two lines and tabs"],
    ["\u001b[31mred\u001b[0m \u001b]8;;http://evil\u0007link\u001b]8;;\u0007", "red link"],
    ['{"level":30}\n{"level":60,"msg":"forged"}', '{"level":30} {"level":60,"msg":"forged"}'],
    ["user\u202egnp.exe\u2066", "user gnp.exe"],
    ["zero\u200bwidth\ufeff", "zero width"],
    ["a\u2028b\u2029c\u0085d\u0000e\u007ff", "a b c d e f"],
    ["half \ud83d", "half \ufffd"],
    ["für Ärger 🚀", "für Ärger 🚀"],
  ])("%j becomes one harmless line", (text, line) => expect(plainText(text, 100)).toBe(line));

  it("is cut to the limit, but no character in two", () => {
    expect(plainText("x".repeat(11), 10)).toBe(`${"x".repeat(9)}…`);
    expect(plainText(`${"x".repeat(8)}🚀🚀`, 10)).toBe(`${"x".repeat(8)}…`);
  });

  it("whatever it is, is short, on one line and without controls", () => {
    const nasty = fc.constantFrom("\u001b[2J", "\n", "\u202e", "\u200b", "\ud800", "\u009b31m", "<!channel>");
    const texts = fc.array(fc.oneof(fc.string({ unit: "binary" }), nasty)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(texts, (text) => {
        const line = plainText(text, 40);
        expect(line.length).toBeLessThanOrEqual(40);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(line.isWellFormed()).toBe(true);
      }),
    );
  });
});
