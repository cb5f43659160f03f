#pragma once
// Matrix products of oneDNN 2 or 3, whichever is installed. The library is opened at run time; its headers are not
// needed, since all of its objects are opaque to us.

#include <stddef.h>
#include <stdint.h>

/// Opens the library at the first call. Returns its major version, or 0 where it is missing or unknown. The caller makes
/// sure that first calls do not race.
int olv_onednn_open(void);
/// Writes the opened library's version: major, minor, patch; zeros where there is none.
void olv_onednn_version(int version[3]);

/// `c (+)= a · b`: a [m, k], b [k, n] (f32 or bf16), c f32 [m, n]; strides in elements.
typedef struct {
  int64_t m, n, k;
  /// From one stored row to the next.
  int64_t stride_a, stride_b, stride_c;
  /// Whether the factor is the transpose of what is stored.
  int32_t transposed_a, transposed_b;
  /// Whether the factors are bf16; otherwise f32.
  int32_t bf16;
  /// Whether the product is added to c.
  int32_t accumulate;
  /// Whether b comes as `olv_product_pack` lays it out; its stride then does not matter.
  int32_t packed_b;
} olv_product_shape;

/// A product of one shape, compiled. To be used by one thread at a time.
typedef struct olv_product olv_product;

/// Compiles a product; NULL where the library cannot.
olv_product *olv_product_create(const olv_product_shape *shape);
/// Bytes of scratch memory that a run needs.
size_t olv_product_scratch(const olv_product *product);
/// Runs it; 0 on success. `scratch` is aligned to 64 bytes.
int olv_product_run(olv_product *product, const void *a, const void *b, float *c, void *scratch);
void olv_product_destroy(olv_product *product);

/// Bytes of b as a product with `packed_b` reads it.
size_t olv_product_packed_bytes(const olv_product *product);
/// Whether two products with `packed_b` read the same layout.
int olv_product_packs_alike(const olv_product *a, const olv_product *b);

/// How b, as a shape describes it when `packed_b` is disregarded, is laid out for a product. To be used by one thread at
/// a time.
typedef struct olv_packing olv_packing;

/// NULL where the library cannot.
olv_packing *olv_packing_create(const olv_product *product, const olv_product_shape *shape);
/// Lays b out; 0 on success.
int olv_packing_run(olv_packing *packing, const void *b, void *packed);
void olv_packing_destroy(olv_packing *packing);
