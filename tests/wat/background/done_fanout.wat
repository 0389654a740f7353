;; Streams end with proxy_on_done = false; a request with `x-attack` calls proxy_done for 1,020 of them. Log and delete take nearly
;; all of a callback's fuel.
(module
 (import "env" "proxy_done" (func $done (result i32)))
 (import "env" "proxy_set_effective_context" (func $eff (param i32) (result i32)))
 (import "env" "proxy_get_header_map_value" (func $gh (param i32 i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 4) 
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 512))
 (data (i32.const 16) "x-attack")
 (func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
   (if (i32.eqz (call $gh (i32.const 0) (i32.const 16) (i32.const 8) (i32.const 64) (i32.const 68))) (then
     (local.set $i (i32.const 2))
     (loop $a (if (i32.eqz (call $eff (local.get $i))) (then (drop (call $done))))
       (br_if $a (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1040))))))
   (i32.const 0))
 (func (export "proxy_on_log") (param i32) (local $i i32) (local.set $i (i32.const 1900000)) (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
 (func (export "proxy_on_delete") (param i32) (local $i i32) (local.set $i (i32.const 1900000)) (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))
