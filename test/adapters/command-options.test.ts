import { describe, expect, it } from "vitest";
import { parseOptions, UsageError } from "../../src/local-stack/options.ts";

describe("the options of dry-run and dev", () => {
  it("have defaults", () => {
    expect(parseOptions([], 1)).toEqual({
      sentinels: 100,
      image: "ghcr.io/unkeyed/sentinel:v1.2.3",
      request: { image: "ghcr.io/unkeyed/sentinel:v1.2.3" },
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
      request: { image: "x:2", wave_percentages: [10, 100] },
      faults: [
        { sentinelId: "sen_0001", fault: "ImagePullBackOff" },
        { sentinelId: "sen_0002", fault: "slow:3" },
      ],
      json: true,
    });
  });

  it("say how long each wave soaks, how many may break, and what becomes of it then", () => {
    const request = (args: string) => parseOptions(args.split(" "), 1).request;
    expect(request("--soak 10 --max-regressions 2 --on-failure rollback")).toMatchObject({
      ...{ soak_seconds: 10, max_regressions: 2, on_failure: "rollback" },
    });
    expect(request("--waves 50,100 --soak 0,10 --max-regressions 2.5%")).toMatchObject({
      ...{ soak_seconds: [0, 10], max_regressions: "2.5%" },
    });
  });

  it.each([
    [["--sentinels", "0"], "--sentinels 0: must be a whole number from 1 to 20000"],
    [["--sentinels", "1e3"], "--sentinels 1e3: must be a whole number from 1 to 20000"],
    [["--waves", "50,10,100"], "--waves: must be greater than the 50 before it"],
    [["--waves", "50,,100"], "--waves: must be a whole number from 1 to 100"],
    [["--waves", "50"], "--waves: must end with 100"],
    [
      ["--soak", "ten"],
      "--soak: must be a whole number of seconds from 0 to 86400, or a list of one for each",
    ],
    [["--soak", "10,20"], "--soak: must have one number for each of the 5 wave percentages"],
    [["--max-regressions", "1"], "--max-regressions: needs --soak: without it nobody looks for regressions"],
    [
      ["--soak", "1", "--max-regressions", "2.5.1%"],
      "--max-regressions: must be a whole number from 0, or a",
    ],
    [["--soak", "1", "--max-regressions", "1.5"], "--max-regressions: must be a whole number from 0, or a"],
    [["--on-failure", "stop"], '--on-failure: must be "pause" or "rollback"'],
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
