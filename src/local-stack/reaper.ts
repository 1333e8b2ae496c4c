/**
 * Runs beside the stack and outlives it for a moment: keeps a list of what exists (one JSON message a line on
 * stdin) and, when stdin closes because its parent is gone, removes what is still on it.
 */
import { createInterface } from "node:readline";
import { type Leftover, REMOVAL_ORDER, removeLeftover } from "./leftovers.ts";

const leftovers = new Map<string, Leftover>();

for await (const line of createInterface({ input: process.stdin })) {
  const message: { add: Leftover } | { remove: Leftover } = JSON.parse(line);
  if ("add" in message) leftovers.set(JSON.stringify(message.add), message.add);
  else leftovers.delete(JSON.stringify(message.remove));
}

for (const kind of REMOVAL_ORDER) {
  const ofKind = [...leftovers.values()].filter((leftover) => leftover.kind === kind);
  // One that cannot be removed (a database server that is gone) must not keep the others.
  await Promise.allSettled(ofKind.map(removeLeftover));
}
