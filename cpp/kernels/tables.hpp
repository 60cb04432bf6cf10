// The tables that this build contains; only active.cpp asks for them.
#pragma once

#include "kernels/kernels.hpp"

namespace coterie::kernels {

const Table& portable_table();
#ifdef COTERIE_X86_64
const Table& avx2_table();
const Table& avx512_table();
#endif

}  // namespace coterie::kernels
