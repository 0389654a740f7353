;; Brings its own fuel.
(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (global (export "__wasmgate_fuel") (mut i64) (i64.const 0x7fffffffffffffff)))
