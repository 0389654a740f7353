;; Makes ever more callouts: those that its host allows, if any.
(module
  (import "env" "proxy_http_call"
    (func $proxy_http_call
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "auth")
  (data (i32.const 128) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00")
  (data (i32.const 156) ":method\00GET\00:path\00/\00:authority\00a\00")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (loop $again
          (drop (call $proxy_http_call (i32.const 64) (i32.const 4) (i32.const 128) (i32.const 61)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 16)))
          (br $again))))
    (i32.const 0)))
