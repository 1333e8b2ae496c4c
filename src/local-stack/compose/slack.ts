/** The Slack sink of docker-compose.yml: `node src/local-stack/compose/slack.ts PORT PATH`; the page for people is at `/`. */
import { once } from "node:events";
import { UsageError } from "../options.ts";
import { runCommand } from "../run-command.ts";
import { startSlackSink } from "../slack-sink.ts";

runCommand(async (signal) => {
  const [port = "", path = ""] = process.argv.slice(2);
  if (!/^\d+$/.test(port) || !path.startsWith("/")) throw new UsageError("expected: PORT /PATH");
  // In a container: its network is the fence.
  const sink = await startSlackSink({ port: Number(port), host: "0.0.0.0", path });
  process.stdout.write(`listening on ${sink.webhookUrl}\n`);
  if (!signal.aborted) await once(signal, "abort");
  await sink.close();
  return 0;
});
