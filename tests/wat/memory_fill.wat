;; Fills all of its memory again and again: one operator, much work.
(module
  (memory (export "memory") 256)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (loop $again
          (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000))
          (br $again))))
    (i32.const 0)))
