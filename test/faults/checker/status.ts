import type { Sight } from "./sight.ts";

/** l: the numbers of Status add up; at rest none is in flight. */
export function statusAddsUp({ status }: Pick<Sight, "status">): string[] {
  const number = (field: string) => Number(status[field]);
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`l: ${text}`);
  const said = ["succeeded", "failed", "skipped", "in_flight", "waiting"].map(
    (field) => [field, number(field)] as const,
  );
  const sum = said.reduce((all, [, count]) => all + count, 0);
  const shown = said.map(([field, count]) => `${count} ${field}`).join(" + ");
  holds(sum === number("total"), `${shown} are not the total of ${number("total")}`);
  const flying = number("in_flight");
  holds(flying === 0, `${flying} are said to be in flight, and nothing is under way`);
  const [reverted, succeeded] = [number("reverted"), number("succeeded")];
  holds(reverted <= succeeded, `${reverted} are reverted of ${succeeded} that succeeded`);
  return violations;
}
