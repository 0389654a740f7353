// A policy in AssemblyScript: asks a service which plan a client's key has, sends it on as x-plan,
// refuses keys that the service does not know, and hides card numbers in answers.
//
// Its configuration is the name of the cluster that knows the keys.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  BaseContext,
  BufferTypeValues,
  Context,
  continue_request,
  Counter,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  log,
  LogLevelValues,
  makeHeaderPair,
  registerRootContext,
  RootContext,
  send_http_response,
  set_buffer_bytes,
  stream_context,
  WasmResultValues,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

const KEY_HEADER = "x-api-key";

class PlanLookupRoot extends RootContext {
  lookups: Counter | null = null;

  onConfigure(size: u32): bool {
    if (size == 0) return false;
    super.onConfigure(size);
    this.lookups = new Counter("plan_lookups");
    return true;
  }

  createContext(id: u32): Context {
    return new PlanLookup(id, this);
  }
}

function refuse(status: u32, text: string): void {
  send_http_response(status, "", String.UTF8.encode(text), []);
}

/** Takes the answer: `stream` is the context that asked, and the one that hostcalls act on. */
function onAnswer(stream: BaseContext, headers: u32, size: usize, trailers: u32): void {
  const root = (stream as PlanLookup).root_context as PlanLookupRoot;
  root.lookups!.increment(1);
  if (headers == 0) {
    refuse(503, "keys cannot be looked up\n");
  } else if (stream_context.headers.http_callback.get(":status") != "200") {
    refuse(403, "no such key\n");
  } else {
    const plan = get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, <u32>size);
    stream_context.headers.request.add("x-plan", String.UTF8.decode(plan).trim());
    continue_request();
  }
}

class PlanLookup extends Context {
  onRequestHeaders(_: u32, _end: bool): FilterHeadersStatusValues {
    const key = stream_context.headers.request.get(KEY_HEADER);
    if (key == "") {
      refuse(401, "a key is needed\n");
      return FilterHeadersStatusValues.StopIteration;
    }
    // What a client says about its own plan is not believed.
    stream_context.headers.request.remove("x-plan");
    const cluster = this.root_context.getConfiguration();
    const status = this.root_context.httpCall(
      cluster,
      [
        makeHeaderPair(":method", "GET"),
        makeHeaderPair(":path", "/plan"),
        makeHeaderPair(":authority", cluster),
        makeHeaderPair(KEY_HEADER, key),
      ],
      new ArrayBuffer(0),
      [],
      1000,
      this,
      onAnswer,
    );
    if (status != WasmResultValues.Ok) {
      log(LogLevelValues.error, cluster + " cannot be asked: status " + status.toString());
      refuse(503, "keys cannot be looked up\n");
    }
    return FilterHeadersStatusValues.StopIteration;
  }

  onResponseHeaders(_: u32, _end: bool): FilterHeadersStatusValues {
    // The body may change, so its length is not known yet.
    stream_context.headers.response.remove("content-length");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, end: bool): FilterDataStatusValues {
    // Held until it is whole: a number may lie across two chunks.
    if (!end) return FilterDataStatusValues.StopIterationAndBuffer;
    if (size > 0) {
      const body = get_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size);
      hideCardNumbers(Uint8Array.wrap(body));
      set_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size, body);
    }
    return FilterDataStatusValues.Continue;
  }
}

/** Replaces all but the last four digits of every run of 13 to 19. */
function hideCardNumbers(text: Uint8Array): void {
  for (let start = 0; start < text.length; ) {
    let end = start;
    while (end < text.length && text[end] >= 48 && text[end] <= 57) end++;
    const run = end - start;
    if (run >= 13 && run <= 19) text.fill(42, start, end - 4);
    start = end + 1;
  }
}

registerRootContext((id: u32) => new PlanLookupRoot(id), "plan_lookup");
