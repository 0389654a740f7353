// A guest for tests: names callers, turns bodies to upper case, counts requests. The same in other
// languages is beside it.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  BufferTypeValues,
  Context,
  Counter,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  registerRootContext,
  RootContext,
  set_buffer_bytes,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class StampRoot extends RootContext {
  stamped: Counter | null = null;

  onConfigure(size: u32): bool {
    super.onConfigure(size);
    this.stamped = new Counter("stamped");
    return true;
  }

  createContext(id: u32): Context {
    return new Stamp(id, this);
  }
}

class Stamp extends Context {
  onRequestHeaders(_: u32, _end: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.request;
    const agent = headers.get("user-agent");
    const id = headers.get("x-request-id");
    headers.replace("x-caller", agent + "/" + id);
    (this.root_context as StampRoot).stamped!.increment(1);
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(size: usize, _: bool): FilterDataStatusValues {
    if (size > 0) {
      const chunk = get_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size);
      upper(changetype<usize>(chunk), chunk.byteLength);
      set_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size, chunk);
    }
    return FilterDataStatusValues.Continue;
  }
}

/** Works on addresses: a byte of a Uint8Array costs five times as much, for its collector. */
function upper(start: usize, length: usize): void {
  for (let at = start; at < start + length; at++) {
    const letter = load<u8>(at);
    if (letter >= 97 && letter <= 122) store<u8>(at, letter - 32);
  }
}

registerRootContext((id: u32) => new StampRoot(id), "stamp");
