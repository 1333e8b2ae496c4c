import { describe, expect, it } from "vitest";
import { parseOptions, UsageError } from "../../src/local-stack/options.ts";

describe("the options of dry-run and dev", () => {
  it("have defaults", () => {
    expect(parseOptions([], 1)).toEqual({
      sentinels: 100,
      image: "ghcr.io/unkeyed/sentinel:v1.2.3",
      faults: [],
      json: false,
      help: false,
    });
  });

  it("say what to roll out, over how many, in which waves and what fails", () => {
    const args = "--sentinels 20 --image x:2 --waves 10,100 --fail sen_0001 --fail sen_0002:slow:3 --json";
    expect(parseOptions(args.split(" "), 1)).toMatchObject({
      sentinels: 20,
      image: "x:2",
      waves: [10, 100],
      faults: [
        { sentinelId: "sen_0001", fault: "ImagePullBackOff" },
        { sentinelId: "sen_0002", fault: "slow:3" },
      ],
      json: true,
    });
  });

  it.each([
    [["--sentinels", "0"], "--sentinels 0: must be a whole number from 1 to 20000"],
    [["--sentinels", "1e3"], "--sentinels 1e3: must be a whole number from 1 to 20000"],
    [["--waves", "50,10,100"], "--waves: must be greater than the 50 before it"],
    [["--waves", "50,,100"], "--waves: must be a whole number from 1 to 100"],
    [["--waves", "50"], "--waves: must end with 100"],
    [["--image", "sentinel"], "--image sentinel: must have an explicit tag or digest"],
    [["--fail", "sen_0001:Tired"], "--fail sen_0001:Tired: the reason must be one of"],
    [["--kubeconfig", "/does/not/exist"], "--kubeconfig /does/not/exist: there is no such file"],
    [["--speed"], "Unknown option '--speed'; see --help"],
    [["now"], "Unexpected argument 'now'; see --help"],
    [["--json=yes"], "Option '--json' does not take an argument; see --help"],
  ])("refuse %j in one sentence", (args, message) => {
    expect(() => parseOptions(args, 1)).toThrow(UsageError);
    expect(() => parseOptions(args, 1)).toThrow(message);
  });
});
