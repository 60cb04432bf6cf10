// Functions that a CUDA kernel and the host both compile: the arithmetic that has to give the same bits on both.
#pragma once

#ifdef __CUDACC__
#define COTERIE_HOST_DEVICE __host__ __device__
#else
#define COTERIE_HOST_DEVICE
#endif
