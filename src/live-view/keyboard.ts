import type { ReadStream } from "node:tty";

/** The keys that are pressed at a terminal, one by one and without Enter. */
export interface Keyboard {
  /** Takes those that were pressed since the last time. */
  take(): string[];
  /** Resolves when there is one, or something is told by `wake`. */
  next(): Promise<void>;
  wake(): void;
  /** The terminal is as it was before. */
  close(): void;
}

const CTRL_C = "\u0003";

/** @param onInterrupt Ctrl-C, which is a key like any other here */
export function openKeyboard(input: ReadStream, onInterrupt: () => void): Keyboard {
  let pressed: string[] = [];
  let told = Promise.withResolvers<void>();
  const wake = () => {
    told.resolve();
    told = Promise.withResolvers();
  };
  const onData = (data: Buffer) => {
    const text = data.toString();
    // An arrow is a sequence of characters, none of which was pressed.
    if (text.startsWith("\u001b")) return;
    if (text.includes(CTRL_C)) onInterrupt();
    // What was pasted is no decision: of several characters at once none counts.
    if (text.length === 1) pressed.push(text);
    wake();
  };
  const restore = () => input.setRawMode(false);
  input.setRawMode(true);
  process.once("exit", restore);
  input.on("data", onData);
  return {
    take() {
      const taken = pressed;
      pressed = [];
      return taken;
    },
    next: () => told.promise,
    wake,
    close() {
      input.off("data", onData);
      input.pause();
      restore();
    },
  };
}
