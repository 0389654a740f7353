;; `_initialize` uses a hostcall that is not there yet.
(module
  (import "env" "proxy_get_property"
    (func $proxy_get_property (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "_initialize")
    (drop (call $proxy_get_property (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 20)))))
