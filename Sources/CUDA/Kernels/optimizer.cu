// Sums of squares and AdamW over many tensors in one launch. A block takes 4096 elements of one tensor, which it finds in
// the table by the number of its block.

struct Entry {
  float *value;
  const float *gradient;
  float *first;
  float *second;
  i64 count;
  // The block that takes the tensor's first elements.
  i64 block;
};

__device__ __forceinline__ const Entry *find(const Entry *table, int count, i64 block) {
  int low = 0, high = count - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (table[middle].block <= block) low = middle;
    else high = middle - 1;
  }
  return table + low;
}

// Σ value² of each block, in f64.
extern "C" __global__ void sum_of_squares(const Entry *table, int count, double *sums) {
  __shared__ double scratch[32];
  const Entry *e = find(table, count, blockIdx.x);
  i64 start = ((i64)blockIdx.x - e->block) * 4096;
  i64 end = min(start + 4096, e->count);
  double sum = 0;
  for (i64 i = start + threadIdx.x; i < end; i += blockDim.x) {
    double v = e->value[i];
    sum += v * v;
  }
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// The sum of `count` numbers, in one order whatever happens.
extern "C" __global__ void __launch_bounds__(1024) add_up(const double *sums, i64 count, double *total) {
  __shared__ double scratch[32];
  double sum = 0;
  for (i64 i = threadIdx.x; i < count; i += blockDim.x) sum += sums[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *total = sum;
}

// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², value ← keep·value − rate·m / (√v·secondScale + ε), g = gradient · scale.
// The corrections of both moments are in rate and secondScale.
extern "C" __global__ void adamw(
    const Entry *table, int count, float scale, float beta1, float beta2, float epsilon, float rate,
    float second_scale, float keep) {
  const Entry *e = find(table, count, blockIdx.x);
  i64 start = ((i64)blockIdx.x - e->block) * 4096;
  i64 end = min(start + 4096, e->count);
  for (i64 i = start + threadIdx.x; i < end; i += blockDim.x) {
    float g = e->gradient[i] * scale;
    float m = e->first[i] * beta1 + g * (1 - beta1);
    float v = e->second[i] * beta2 + g * g * (1 - beta2);
    e->first[i] = m;
    e->second[i] = v;
    e->value[i] = e->value[i] * keep - rate * (m / (sqrtf(v) * second_scale + epsilon));
  }
}
