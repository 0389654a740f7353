;; Adds `x-edition: 2` to every response. The demo swaps edition 1 for edition 2 under load.
;; Kept as text beside the module: `tests/examples/test_modules.py` checks that they agree.
(module
  (import "env" "proxy_add_header_map_value"
    (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "x-edition2")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    ;; Map 2 holds the response's headers; the name is 9 bytes at 0, the value 1 byte at 9.
    (drop (call $add_header
      (i32.const 2) (i32.const 0) (i32.const 9) (i32.const 9) (i32.const 1)))
    (i32.const 0)))
