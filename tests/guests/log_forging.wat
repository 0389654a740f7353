;; Logs a text with line breaks and terminal escapes (clear the screen, red) at level warn. The log
;; has it as one line, with every control character written out.
(module
 (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 16) "ok\0aCRITICAL: forged line\0a\1b[2J\1b[31mred")
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 512))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $log (i32.const 3) (i32.const 16) (i32.const 37)))
  (i32.const 0)))
