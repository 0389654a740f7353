;; Stores ever more properties of two bytes.
(module
  (import "env" "proxy_set_property"
    (func $proxy_set_property (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (loop $again
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (i32.store16 (i32.const 64) (local.get $i))
          (drop (call $proxy_set_property (i32.const 64) (i32.const 2) (i32.const 0) (i32.const 0)))
          (br $again))))
    (i32.const 0)))
