import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError, isReadOnly } from "./pool.ts";

/** Questions are collected for this long (ms) after the previous statement. After a quiet time a statement starts at once. */
const COLLECT_MS = 15;
/** Most questions in one statement. */
const MOST = 200;
/** At most this many statements at once: a slow one must not hold up the others. */
const AT_ONCE = 2;
/** At most this many statements of one question each at once. */
const ALONE_AT_ONCE = 4;

interface Waiting<Q, A> {
  question: Q;
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/**
 * Joins the questions of many callers into one statement. If the server refuses it, each question runs alone, so one bad
 * value fails only its caller. A locked row then stays alone until it is free, so it holds up the others only once. If the
 * server does not answer, all callers fail at once.
 * @param work answers all questions, in their order
 * @param keyOf the row that a question is about; absent: no question waits for a lock
 */
export function batched<Q, A>(
  work: (questions: readonly Q[]) => Promise<readonly A[]>,
  keyOf: (question: Q) => string | undefined = () => undefined,
): (question: Q) => Promise<A> {
  let queue: Waiting<Q, A>[] = [];
  const alone: Waiting<Q, A>[] = [];
  /** Rows that were locked at their last write. */
  const locked = new Set<string>();
  let running = 0;
  let runningAlone = 0;
  let collecting = false;
  let nextMs = 0;

  async function collect(): Promise<void> {
    if (collecting || running >= AT_ONCE || queue.length === 0) return;
    collecting = true;
    await sleep(Math.min(Math.max(nextMs - performance.now(), 0), COLLECT_MS));
    collecting = false;
    nextMs = performance.now() + COLLECT_MS;
    running++;
    await answer(queue.splice(0, MOST));
    running--;
    void collect();
  }

  function oneByOne(): void {
    while (runningAlone < ALONE_AT_ONCE) {
      const next = alone.shift();
      if (next === undefined) return;
      runningAlone++;
      void answer([next]).finally(() => {
        runningAlone--;
        oneByOne();
      });
    }
  }

  async function answer(batch: Waiting<Q, A>[]): Promise<void> {
    try {
      const answers = await work(batch.map(({ question }) => question));
      for (const [i, { question, resolve }] of batch.entries()) {
        locked.delete(keyOf(question) ?? "");
        resolve(answers[i] as A);
      }
    } catch (error) {
      if (isRefusal(error) && batch.length > 1) {
        alone.push(...batch);
        oneByOne();
        return;
      }
      for (const { question, reject } of batch) {
        const key = keyOf(question);
        if (key !== undefined && isLock(error)) locked.add(key);
        reject(error);
      }
      if (isRefusal(error)) return;
      const late = queue;
      queue = [];
      for (const { reject } of late) reject(error);
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      const waiting = { question, resolve, reject };
      if (locked.has(keyOf(question) ?? "")) {
        alone.push(waiting);
        oneByOne();
        return;
      }
      queue.push(waiting);
      void collect();
    });
}

/** The server's own word about a statement (a value, a deadlock, a lock), as opposed to no answer or a read-only server. */
function isRefusal(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code.startsWith("ER_") && !isReadOnly(error);
}

function isLock(error: unknown): boolean {
  return isRefusal(error) && error.code === "ER_LOCK_WAIT_TIMEOUT";
}
