import { run } from "./main.mjs";

export default { fetch: async () => new Response(await run()) };
