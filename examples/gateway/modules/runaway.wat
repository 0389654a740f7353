;; Never returns from a request that carries the header `x-loop`; lets every other one pass.
;; Kept as text beside the module: `tests/examples/test_modules.py` checks that they agree.
(module
  (import "env" "proxy_get_header_map_value"
    (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "x-loop")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    ;; Map 0 holds the request's headers; status 0 means that the header is there.
    (if (i32.eqz (call $get_header
          (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 16) (i32.const 20)))
      (then (loop $forever (br $forever))))
    (i32.const 0)))
