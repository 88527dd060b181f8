// The program itself as a peer: `streams serve` on this machine, at a port that is free.
import { spawn, execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const target = process.env.CARGO_TARGET_DIR ?? new URL("../../../target", import.meta.url).pathname;
const binary = [process.env.STREAMS_CLI, join(target, "debug/streams"), join(target, "release/streams")].find((path) => path && existsSync(path));

/** A folder with a key and a store, and the program over it. */
export async function peer() {
  if (!binary) throw new Error("no `streams`: `cargo build -p streams-cli`, or say where it is in STREAMS_CLI");
  const folder = await mkdtemp(join(tmpdir(), "streams-peer-"));
  const [key, store] = [join(folder, "peer.key"), join(folder, "peer.db")];
  const streams = async (...args) => (await run(binary, args, { cwd: folder, maxBuffer: 1 << 28 })).stdout;
  await streams("key", "new", "--out", key);
  let serving;
  return {
    streams,
    folder,
    store,
    /** Serves, and tells where. */
    async serve(...more) {
      serving = spawn(binary, ["serve", "--key", key, "--store", store, "--listen", "ws://127.0.0.1:0/", "--json", ...more], { stdio: ["ignore", "pipe", "inherit"] });
      const lines = createInterface({ input: serving.stdout });
      return new Promise((listens, fails) => {
        // The lines after the first one are read too, and dropped: nobody else empties the pipe.
        lines.on("line", (line) => listens(JSON.parse(line).listening));
        serving.once("exit", () => fails(new Error("`streams serve` ended")));
      });
    },
    async stop() {
      if (!serving) return;
      const ended = new Promise((done) => serving.once("exit", done));
      serving.kill("SIGINT");
      await ended;
      serving = undefined;
    },
    async close() {
      await this.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
