/* A product of matrices by OpenBLAS, for ctypes: cc -O2 -shared -fPIC openblas.c LIBRARY */
#include <stdint.h>

void scipy_cblas_sgemm64_(int order, int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k,
                          float alpha, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                          float* c, int64_t ldc);
void scipy_cblas_sgemv64_(int order, int transpose, int64_t m, int64_t n, float alpha, const float* a,
                          int64_t lda, const float* x, int64_t incx, float beta, float* y, int64_t incy);

enum { kRowMajor = 101, kAsItIs = 111, kTransposed = 112 };

void repeat(int64_t count, int64_t rows, int64_t terms, int64_t columns, const float* x, const float* weights,
            float* y) {
  for (int64_t i = 0; i < count; ++i)
    if (rows == 1)
      scipy_cblas_sgemv64_(kRowMajor, kTransposed, terms, columns, 1, weights, columns, x, 1, 0, y, 1);
    else
      scipy_cblas_sgemm64_(kRowMajor, kAsItIs, kAsItIs, rows, columns, terms, 1, x, terms, weights, columns,
                           0, y, columns);
}
