#include "COneDNN.h"
#include <dlfcn.h>
#include <stdlib.h>

// The C interface of oneDNN, as far as it is used here. Version 2 describes memory by a structure that the caller
// holds, version 3 by a handle; everything else agrees but for a few parameters.

typedef struct { int32_t argument; void *memory; } argument;
typedef struct { int major, minor, patch; } version;

enum {
  kind_cpu = 1,
  in_order = 1,
  type_bf16 = 2,
  type_f32 = 3,
  scratch_user = 1,
  query_weights = 131,
  query_scratchpad = 136,
  layout_any = 1,
  argument_source = 1,
  argument_destination = 17,
  argument_weights = 33,
  argument_scratchpad = 80,
  // Version 2: a memory description has 696 bytes, a product's 2800.
  description_bytes = 4096,
  operation_bytes = 16384,
};

static struct {
  int major;
  void *engine;
  void *stream;

  const version *(*get_version)(void);
  int (*engine_create)(void **, int, size_t);
  int (*stream_create)(void **, void *, unsigned);
  int (*attr_create)(void **);
  int (*attr_destroy)(void *);
  int (*attr_set_scratchpad_mode)(void *, int);
  int (*attr_set_post_ops)(void *, const void *);
  int (*post_ops_create)(void **);
  int (*post_ops_destroy)(void *);
  union {
    int (*v2)(void *, float);
    int (*v3)(void *, float, int32_t, int);
  } append_sum;
  int (*desc_destroy)(void *);
  const void *(*query_md)(const void *, int, int);
  size_t (*md_size)(const void *);
  int (*primitive_create)(void **, const void *);
  int (*primitive_destroy)(void *);
  int (*execute)(const void *, void *, int, const argument *);
  int (*memory_create)(void **, const void *, void *, void *);
  int (*memory_destroy)(void *);
  int (*memory_set)(void *, void *);
  int (*memory_md)(const void *, const void **);
  int (*md_equal)(const void *, const void *);
  int (*reorder_create)(void **, const void *, void *, const void *, void *, const void *);
  // Version 2.
  int (*md_init)(void *, int, const int64_t *, int, const int64_t *);
  int (*md_init_layout)(void *, int, const int64_t *, int, int);
  int (*matmul_init)(void *, const void *, const void *, const void *, const void *);
  int (*desc_create)(void **, const void *, const void *, void *, const void *);
  // Version 3.
  int (*md_create)(void **, int, const int64_t *, int, const int64_t *);
  int (*md_create_layout)(void **, int, const int64_t *, int, int);
  int (*md_destroy)(void *);
  int (*matmul_create)(void **, void *, const void *, const void *, const void *, const void *,
                       const void *);
} dnn;

static int resolve(void *library) {
#define FIND(field, name)                                   \
  do {                                                      \
    *(void **)&dnn.field = dlsym(library, "dnnl_" name);    \
    if (!*(void **)&dnn.field) return 0;                    \
  } while (0)
  FIND(get_version, "version");
  FIND(engine_create, "engine_create");
  FIND(stream_create, "stream_create");
  FIND(attr_create, "primitive_attr_create");
  FIND(attr_destroy, "primitive_attr_destroy");
  FIND(attr_set_scratchpad_mode, "primitive_attr_set_scratchpad_mode");
  FIND(attr_set_post_ops, "primitive_attr_set_post_ops");
  FIND(post_ops_create, "post_ops_create");
  FIND(post_ops_destroy, "post_ops_destroy");
  FIND(append_sum.v2, "post_ops_append_sum");
  FIND(desc_destroy, "primitive_desc_destroy");
  FIND(query_md, "primitive_desc_query_md");
  FIND(md_size, "memory_desc_get_size");
  FIND(primitive_create, "primitive_create");
  FIND(primitive_destroy, "primitive_destroy");
  FIND(execute, "primitive_execute");
  FIND(memory_create, "memory_create");
  FIND(memory_destroy, "memory_destroy");
  FIND(memory_set, "memory_set_data_handle");
  FIND(memory_md, "memory_get_memory_desc");
  FIND(md_equal, "memory_desc_equal");
  FIND(reorder_create, "reorder_primitive_desc_create");
  int major = dnn.get_version()->major;
  if (major == 2) {
    FIND(md_init, "memory_desc_init_by_strides");
    FIND(md_init_layout, "memory_desc_init_by_tag");
    FIND(matmul_init, "matmul_desc_init");
    FIND(desc_create, "primitive_desc_create");
  } else if (major == 3) {
    FIND(md_create, "memory_desc_create_with_strides");
    FIND(md_create_layout, "memory_desc_create_with_tag");
    FIND(md_destroy, "memory_desc_destroy");
    FIND(matmul_create, "matmul_primitive_desc_create");
  } else {
    return 0;
  }
  return major;
#undef FIND
}

int olv_onednn_open(void) {
  static int tried = 0;
  if (tried) return dnn.major;
  tried = 1;
  static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) continue;
    int major = resolve(library);
    if (!major) continue;
    if (dnn.engine_create(&dnn.engine, kind_cpu, 0) != 0) continue;
    if (dnn.stream_create(&dnn.stream, dnn.engine, in_order) != 0) continue;
    dnn.major = major;
    break;
  }
  return dnn.major;
}

void olv_onednn_version(int numbers[3]) {
  const version none = {0, 0, 0};
  const version *found = dnn.major ? dnn.get_version() : &none;
  numbers[0] = found->major;
  numbers[1] = found->minor;
  numbers[2] = found->patch;
}

struct olv_product {
  void *primitive;
  /// a, b, c and the scratchpad.
  void *memory[4];
  size_t scratch;
};

/// A matrix [rows, columns], or its transpose as stored. Version 2 writes into `space`, version 3 allocates.
static void *describe(void *space, int64_t rows, int64_t columns, int64_t stride, int transposed,
                      int type) {
  int64_t lengths[2] = {rows, columns};
  int64_t strides[2] = {transposed ? 1 : stride, transposed ? stride : 1};
  if (dnn.major == 2) return dnn.md_init(space, 2, lengths, type, strides) == 0 ? space : NULL;
  void *description = NULL;
  return dnn.md_create(&description, 2, lengths, type, strides) == 0 ? description : NULL;
}

/// A matrix [rows, columns] in whatever layout the library finds best.
static void *describe_any(void *space, int64_t rows, int64_t columns, int type) {
  int64_t lengths[2] = {rows, columns};
  if (dnn.major == 2)
    return dnn.md_init_layout(space, 2, lengths, type, layout_any) == 0 ? space : NULL;
  void *description = NULL;
  return dnn.md_create_layout(&description, 2, lengths, type, layout_any) == 0 ? description : NULL;
}

/// Elements of a row of at least `columns` that is an odd number of cache lines long. Products read a few columns of many rows;
/// at a distance of a power of two these would share few lines of the cache.
static int64_t spread(int64_t columns, int type) {
  int64_t line = type == type_bf16 ? 32 : 16;
  return ((columns + line - 1) / line | 1) * line;
}

static void *attributes(int accumulate) {
  void *result = NULL;
  if (dnn.attr_create(&result) != 0) return NULL;
  int failed = dnn.attr_set_scratchpad_mode(result, scratch_user);
  if (accumulate && !failed) {
    void *after = NULL;
    failed = dnn.post_ops_create(&after);
    if (!failed) {
      // Type 0: that of the destination.
      failed = dnn.major == 2 ? dnn.append_sum.v2(after, 1) : dnn.append_sum.v3(after, 1, 0, 0);
      failed = failed || dnn.attr_set_post_ops(result, after);
      dnn.post_ops_destroy(after);
    }
  }
  if (failed) {
    dnn.attr_destroy(result);
    return NULL;
  }
  return result;
}

/// The product's primitive description, from the descriptions of a, b and c.
static void *plan(void *const md[3], void *attr) {
  void *result = NULL;
  if (dnn.major == 3)
    return dnn.matmul_create(&result, dnn.engine, md[0], md[1], NULL, md[2], attr) == 0 ? result
                                                                                       : NULL;
  void *operation = calloc(1, operation_bytes);
  if (!operation) return NULL;
  if (dnn.matmul_init(operation, md[0], md[1], NULL, md[2]) != 0 ||
      dnn.desc_create(&result, operation, attr, dnn.engine, NULL) != 0)
    result = NULL;
  free(operation);
  return result;
}

/// `description`, or, where the library found plain rows of b best, the same with these apart, to which it is as good.
static void *plan_apart(void *description, void *const md[3], const olv_product_shape *s, int type, void *attr) {
  char *space = calloc(2, description_bytes);
  if (!space) return description;
  void *plain = describe(space, s->k, s->n, s->n, 0, type);
  void *apart = describe(space + description_bytes, s->k, s->n, spread(s->n, type), 0, type);
  const void *chosen = dnn.query_md(description, query_weights, 0);
  if (plain && apart && chosen && dnn.md_equal(plain, chosen)) {
    void *wanted[3] = {md[0], apart, md[2]};
    void *other = plan(wanted, attr);
    if (other) {
      dnn.desc_destroy(description);
      description = other;
    }
  }
  if (dnn.major == 3) {
    if (plain) dnn.md_destroy(plain);
    if (apart) dnn.md_destroy(apart);
  }
  free(space);
  return description;
}

/// Fills in `product` from the plan.
static int compile(olv_product *product, void *description, void *const md[3]) {
  const void *scratch = dnn.query_md(description, query_scratchpad, 0);
  product->scratch = scratch ? dnn.md_size(scratch) : 0;
  if (dnn.primitive_create(&product->primitive, description) != 0) return 0;
  for (int i = 0; i < 3; i++) {
    // The layout of b may have been the library's choice.
    const void *own = i == 1 ? dnn.query_md(description, query_weights, 0) : md[i];
    if (!own || dnn.memory_create(&product->memory[i], own, dnn.engine, NULL) != 0) return 0;
  }
  return product->scratch == 0 ||
         dnn.memory_create(&product->memory[3], scratch, dnn.engine, NULL) == 0;
}

olv_product *olv_product_create(const olv_product_shape *s) {
  if (!dnn.major) return NULL;
  olv_product *product = calloc(1, sizeof *product);
  char *space = calloc(3, description_bytes);
  void *attr = attributes(s->accumulate);
  int type = s->bf16 ? type_bf16 : type_f32;
  void *md[3] = {NULL, NULL, NULL};
  void *description = NULL;
  int done = 0;
  if (product && space && attr) {
    md[0] = describe(space, s->m, s->k, s->stride_a, s->transposed_a, type);
    md[1] = s->packed_b
                ? describe_any(space + description_bytes, s->k, s->n, type)
                : describe(space + description_bytes, s->k, s->n, s->stride_b, s->transposed_b, type);
    md[2] = describe(space + 2 * description_bytes, s->m, s->n, s->stride_c, 0, type_f32);
    if (md[0] && md[1] && md[2]) description = plan(md, attr);
    if (description && s->packed_b) description = plan_apart(description, md, s, type, attr);
    if (description) done = compile(product, description, md);
  }
  if (description) dnn.desc_destroy(description);
  if (dnn.major == 3)
    for (int i = 0; i < 3; i++)
      if (md[i]) dnn.md_destroy(md[i]);
  if (attr) dnn.attr_destroy(attr);
  free(space);
  if (!done) {
    olv_product_destroy(product);
    return NULL;
  }
  return product;
}

size_t olv_product_scratch(const olv_product *product) { return product->scratch; }

int olv_product_run(olv_product *product, const void *a, const void *b, float *c, void *scratch) {
  argument arguments[4] = {{argument_source, product->memory[0]},
                           {argument_weights, product->memory[1]},
                           {argument_destination, product->memory[2]},
                           {argument_scratchpad, product->memory[3]}};
  int count = product->memory[3] ? 4 : 3;
  if (dnn.memory_set(product->memory[0], (void *)a) || dnn.memory_set(product->memory[1], (void *)b) ||
      dnn.memory_set(product->memory[2], c))
    return 1;
  if (count == 4 && dnn.memory_set(product->memory[3], scratch)) return 1;
  // A processor's stream runs at once; there is nothing to wait for.
  return dnn.execute(product->primitive, dnn.stream, count, arguments);
}

void olv_product_destroy(olv_product *product) {
  if (!product) return;
  for (int i = 0; i < 4; i++)
    if (product->memory[i]) dnn.memory_destroy(product->memory[i]);
  if (product->primitive) dnn.primitive_destroy(product->primitive);
  free(product);
}

static const void *layout_of_b(const olv_product *product) {
  const void *md = NULL;
  return dnn.memory_md(product->memory[1], &md) == 0 ? md : NULL;
}

size_t olv_product_packed_bytes(const olv_product *product) {
  const void *md = layout_of_b(product);
  return md ? dnn.md_size(md) : 0;
}

int olv_product_packs_alike(const olv_product *a, const olv_product *b) {
  const void *first = layout_of_b(a), *second = layout_of_b(b);
  return first && second && dnn.md_equal(first, second);
}

struct olv_packing {
  void *primitive;
  /// b, and where it goes.
  void *memory[2];
};

olv_packing *olv_packing_create(const olv_product *product, const olv_product_shape *s) {
  char space[description_bytes];
  olv_packing *packing = calloc(1, sizeof *packing);
  const void *to = layout_of_b(product);
  void *from = describe(space, s->k, s->n, s->stride_b, s->transposed_b,
                        s->bf16 ? type_bf16 : type_f32);
  void *description = NULL;
  int done = packing && to && from &&
             dnn.reorder_create(&description, from, dnn.engine, to, dnn.engine, NULL) == 0 &&
             dnn.primitive_create(&packing->primitive, description) == 0 &&
             dnn.memory_create(&packing->memory[0], from, dnn.engine, NULL) == 0 &&
             dnn.memory_create(&packing->memory[1], to, dnn.engine, NULL) == 0;
  if (description) dnn.desc_destroy(description);
  if (dnn.major == 3 && from) dnn.md_destroy(from);
  if (!done) {
    olv_packing_destroy(packing);
    return NULL;
  }
  return packing;
}

int olv_packing_run(olv_packing *packing, const void *b, void *packed) {
  argument arguments[2] = {{argument_source, packing->memory[0]},
                           {argument_destination, packing->memory[1]}};
  if (dnn.memory_set(packing->memory[0], (void *)b) || dnn.memory_set(packing->memory[1], packed))
    return 1;
  return dnn.execute(packing->primitive, dnn.stream, 2, arguments);
}

void olv_packing_destroy(olv_packing *packing) {
  if (!packing) return;
  for (int i = 0; i < 2; i++)
    if (packing->memory[i]) dnn.memory_destroy(packing->memory[i]);
  if (packing->primitive) dnn.primitive_destroy(packing->primitive);
  free(packing);
}
