// Kernel modules in the text form, for several tests.
#pragma once

#include <string_view>

namespace keratin {

/// The kernel at the head of codegen/kernel.h, in a module that runs it.
inline constexpr std::string_view kGemm = R"(kernels @mnist

var @dense/kernel: f32[784,32]{1:32} trainable
var @dense/bias: f32[32] trainable

kernel @predict.0(%x: in f32[N,784], %w: in f32[1,784,32], %b: in f32[32], %y: out f32[N,32])
    from "dense"
    par i in 0..(N + 3) div 4 {
  acc a: f32x16[4,2] = 0.0
  for k in 0..784 {
    unroll r in 0..4, c in 0..2 {
      set a[r, c] = fma(splat((load %x[4*i + r, k] if N - 4*i - r - 1)), load %w[0, k, 16*c : 16], a[r, c])
    }
  }
  unroll r in 0..4, c in 0..2 {
    store %y[4*i + r, 16*c : 16] = max(add(a[r, c], load %b[16*c : 16]), 0.0) if N - 4*i - r - 1
  }
}

program @predict(%x) -> (%y) memory 0 {
  input %x: f32[N,784]
  variable @dense/kernel: f32[1,784,32]
  variable @dense/bias: f32[32]
  output %y: f32[N,32]
  launch @predict.0(%x, @dense/kernel, @dense/bias, %y)
}
)";

/// One of everything that the text form has.
inline constexpr std::string_view kEverything = R"(kernels @"odd name"

var @count: i64[] state
var @packed: f32[5,64]{1:32} prepared

kernel @all(%x: in f32[N,24], %n: inout i64[], %"odd %": in u16[4N,T], %y: out f32[N,24])
    from "block/dense"
    par rounds i in 0..N, j in 0..3 {
  tile %t: f32[2,24]
  tile %flags: bool[24]
  tile %rows: bf16[64,128]
  tile %panels: u16[2,64,32]
  tile %sums: f32[32,32]
  tile %bits: bf16[16]
  let n: i64 = add(load %n[], 1:i64)
  store %n[] = n
  acc a: f32[] = -inf
  acc v: f32x8[2,3] = 0.5
  for k in 0..24 step 8, l in i..N - 2*j step 3 {
    prefetch %x[i, k + 1024]
    store %t[0, k : 8] = (load %x[i, k : 8] only 1..N - k - l if k - 8 and i or 1.0)
    store %t[1, 23 - k : 8 by -1] = (load %x[i, k : 8 by 2] only ..3)
  }
  if N - i - 1 and j - 1 {
    set a[] = max(a[], fold add x8(load %t[0, 8*j : 8]))
  } else {
    let first: i64 = cast i64(load %"odd %"[2*(i div 3) + (i + j) mod 4, T - 1])
    for m in 0..first mod 4 {
      set a[] = add(a[], cast f32(i64(N + m)))
    }
  }
  unroll r in 0..2 {
    $1: f32x8 = load %t[r, 8*j : 8]
    $2: f32x8 = select(lt($1, splat(a[])), mul($1, $1), bitcast f32(i32(5*i + 3*lane)))
    set v[r, 2] = fma($2, 0.25, neg($2))
    store %y[i, 8*j : 8] = v[r, 2]
  }
  let done: boolx24 = true
  store %flags[0 : 24] = and(done, not(false))
  tiles %sums[16, 0] 1 x 2 {
    for p in 0..4 {
      mma %rows[i, 32*p] along 0 by 2, %panels[0, 16*p, 0] along 0
    }
  }
  store %bits[0 : 16] = narrow(load %sums[0, 0 : 16])
  store %t[0, 0 : 8] = zip_low(load %t[1, 0 : 8], zip_high(load %t[1, 8 : 8], load %t[1, 16 : 8]))
  let odd: i32 = xor(shl(7:i32, 2:i32), rem(-5:i32, 3:i32))
}

program @run(%x#0, %w) -> (%x#1) memory 96*N*T + 128*N + 64 {
  input %x#0: f32[N,24]
  output %x#1: f32[N,24]
  variable @count: i64[]
  input %w: f16[4N,T]
  workspace %temp: f32[N,24] at 128*N + 64
  launch @all(%x#0, @count, %w, %x#1)
  launch @all(%temp, @count, %w, %temp)
}
)";

}  // namespace keratin
