// The glue, made anew for each instance of the WebAssembly.

declare module "#instance" {
  export default function instantiate(): typeof import("#glue");
}
