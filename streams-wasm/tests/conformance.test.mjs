// The stores and the links of the face keep the contracts of the core.
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { FileStore, MemoryStore } from "streams-core";
import * as conformance from "../glue/conformance/tests.js";

const wasm = await readFile(new URL("../glue/conformance/core_bg.wasm", import.meta.url));
// A panic ends the instance: each contract has its own.
beforeEach(() => conformance.load(wasm));

/** Fails where the contract is broken: a panic ends the instance, in a task that nobody waits for. */
async function conforms(run) {
  const broken = once(process, "uncaughtException").then(([error]) => {
    throw error;
  });
  await Promise.race([run, broken]);
}

test("a store in memory", () => conforms(conformance.storeConforms(async () => new MemoryStore())));

test("a store in a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "streams-"));
  let number = 0;
  try {
    await conforms(conformance.storeConforms(() => FileStore.open(join(folder, String(number++)))));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a link in memory", () => conforms(conformance.transportConforms(async () => conformance.memoryLink())));

test("a link over a MessagePort", async () => {
  const channels = [];
  await conforms(
    conformance.transportConforms(async () => {
      const channel = new MessageChannel();
      channels.push(channel);
      return [conformance.messagePort(channel.port1), conformance.messagePort(channel.port2)];
    }),
  );
  // An open port keeps the process.
  for (const { port1 } of channels) port1.close();
});

test("a link over web streams", () =>
  conforms(
    conformance.transportConforms(async () => {
      const pipe = () => new TransformStream({}, { highWaterMark: 64 }, { highWaterMark: 64 });
      const [there, back] = [pipe(), pipe()];
      return [
        conformance.webStreams({ readable: back.readable, writable: there.writable }),
        conformance.webStreams({ readable: there.readable, writable: back.writable }),
      ];
    }),
  ));
