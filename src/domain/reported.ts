import { type Answer, accepted, refused } from "./answer.ts";
import type { Report } from "./event.ts";
import { takeFound, takeLate } from "./follow-up.ts";
import { formerReported } from "./former.ts";
import { openWave } from "./forward.ts";
import { goOn, orderOf } from "./go-on.ts";
import { recordIfDue, takeReport } from "./lane-report.ts";
import { driverOf } from "./lanes.ts";
import { note } from "./pace.ts";
import { openQueue } from "./queue.ts";
import { ramp } from "./ramp.ts";
import { RECORD_AFTER_MS } from "./record.ts";
import { countRetries } from "./retries.ts";
import { tellRewriting } from "./rewriting.ts";
import { countReverts } from "./rollback.ts";
import type { Turn } from "./turn.ts";

/** After this time (ms) a few free slots are filled, too. */
const ASK_AGAIN_MS = 250;

/** A lane says what it launched and what became of it: what follows, and what it is to do next. */
export function reported(turn: Turn, report: Report): Answer {
  const { rollout, drive } = turn;
  if (rollout?.rolloutId !== report.rolloutId) {
    const answer = formerReported(turn, report);
    if (answer !== undefined) return answer;
  }
  const lane = drive?.rolloutId === report.rolloutId ? drive.lanes[report.lane] : undefined;
  if (rollout === undefined || lane === undefined) {
    return { ...refused(turn), over: true, driver: orderOf(turn, report.invocationId, undefined) };
  }
  const fresh = takeReport(turn, report);
  note(turn.driving().drive, { settled: fresh.length }, turn.nowMs);
  if (lane.of === "forward") tellRewriting(turn, fresh);
  const driver = driverOf(turn, report.lane);
  if (report.opens !== undefined) open(turn, report.lane, report.opens);
  if (lane.of === "forward") {
    ramp(turn, fresh);
    countRetries(turn, fresh);
    takeLate(turn, fresh);
  } else {
    countReverts(turn, fresh);
    takeFound(turn, fresh);
  }
  recordIfDue(turn);
  goOn(turn, report);
  const after = turn.lane(report.lane);
  const grant = turn.grant ?? (after === undefined ? undefined : turn.laneBook(report.lane).grant);
  const again = againInMs(turn, report.lane);
  const { at } = turn.drive?.queue ?? {};
  return {
    ...accepted(turn),
    ...(grant === undefined ? {} : { grant }),
    ...(after === undefined || after.over ? { over: true } : {}),
    ...(at === undefined ? {} : { at }),
    ...(again === undefined ? {} : { againInMs: again }),
    ...(driver !== undefined ? { driver: orderOf(turn, report.invocationId, report.lane) } : {}),
  };
}

function againInMs({ drive, nowMs, askAgain }: Turn, lane: number): number | undefined {
  const { pending, paced } = drive ?? {};
  const moments = [
    ...(askAgain ? [nowMs + ASK_AGAIN_MS] : []),
    ...(paced?.lane === lane ? [paced.untilMs] : []),
    ...(pending?.lane === lane ? [pending.sinceMs + RECORD_AFTER_MS] : []),
  ];
  return moments.length === 0 ? undefined : Math.max(0, Math.min(...moments) - nowMs);
}

function open(turn: Turn, lane: number, opens: { wave: number; window: number }): void {
  const { drive } = turn.driving();
  if (drive.forward?.lane === lane) openWave(turn, opens);
  const { rollback } = drive;
  if (rollback?.lane !== lane || rollback.openedWave !== undefined) return;
  rollback.openedWave = opens.wave;
  drive.window = opens.window;
  openQueue(turn);
}
