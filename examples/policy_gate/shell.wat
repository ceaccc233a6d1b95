;; Denies commands that remove whole trees: looks for "rm -rf" in the bytes it is given.
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "rm -rf")
  (global $input i32 (i32.const 1024))

  ;; Makes room for so many bytes and returns where they go; traps where memory is limited.
  (func (export "make_room") (param $bytes i32) (result i32)
    (local $pages i32)
    (local.set $pages
      (i32.div_u
        (i32.add (i32.add (global.get $input) (local.get $bytes)) (i32.const 65535))
        (i32.const 65536)))
    (if (i32.gt_u (local.get $pages) (memory.size))
      (then
        (if (i32.eq (i32.const -1)
                    (memory.grow (i32.sub (local.get $pages) (memory.size))))
          (then unreachable))))
    (global.get $input))

  ;; Returns 1 to deny, 0 to allow.
  (func (export "evaluate") (param $start i32) (param $bytes i32) (result i32)
    (local $at i32)
    (local $end i32)
    (local.set $at (local.get $start))
    (local.set $end (i32.sub (i32.add (local.get $start) (local.get $bytes)) (i32.const 6)))
    (block $nothing
      (loop $next
        (br_if $nothing (i32.gt_s (local.get $at) (local.get $end)))
        (if (call $matches (local.get $at))
          (then (return (i32.const 1))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  (func $matches (param $at i32) (result i32)
    (i32.and
      (i32.eq (i32.load (local.get $at)) (i32.load (i32.const 16)))
      (i32.eq (i32.load16_u offset=4 (local.get $at)) (i32.load16_u offset=4 (i32.const 16))))))
