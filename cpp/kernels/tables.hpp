// The tables that this build contains; only active.cpp asks for them.
#pragma once

#include "kernels/kernels.hpp"

namespace coterie::kernels {

const Table& portable_table();
#ifdef COTERIE_X86_64
const Table& avx2_table();
const Table& avx512_table();
const Bf16Table* avx512_bf16_table();
const Int8Table* avx512_vnni_table();
const Bf16Table* amx_bf16_table();  // null where the CPU or the system has no tiles for us
const Int8Table* amx_int8_table();  // likewise
#endif

}  // namespace coterie::kernels
