// From rows of logits to losses and the losses' slopes. One block a row; the row is read once for the loss and once more,
// then from the cache, for the slopes.

// nll = log Σ exp(logits) − logits[target], 0 where target < 0; slopes = gradient · (softmax − onehot) where wanted.
extern "C" __global__ void __launch_bounds__(512) cross_entropy(
    const float *logits, i64 stride, const int *targets, int vocabulary, float *nll, bf16 *slopes,
    i64 slope_stride, float gradient) {
  __shared__ float scratch[32];
  i64 row = blockIdx.x;
  const float *from = logits + row * stride;
  bf16 *to = slopes ? slopes + row * slope_stride : nullptr;
  int target = targets[row];
  if (target < 0) {
    if (threadIdx.x == 0) nll[row] = 0;
    if (to)
      for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) to[i] = to_bf16(0);
    return;
  }
  bool vectors = vocabulary % 4 == 0 && aligned16(from) && ((u64)to & 7) == 0;
  float largest = -infinity, sum = 0;
  // A running maximum, and the sum of exponentials below it. NaN stays in the sum.
  if (vectors) {
    for (int i = threadIdx.x; i < vocabulary / 4; i += blockDim.x) {
      float4 v = ((const float4 *)from)[i];
      float high = fmaxf(fmaxf(v.x, v.y), fmaxf(v.z, v.w));
      if (high > largest) {
        sum *= __expf(largest - high);
        largest = high;
      }
      sum += __expf(v.x - largest) + __expf(v.y - largest) + __expf(v.z - largest) +
             __expf(v.w - largest);
    }
  } else {
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
      float v = from[i];
      if (v > largest) {
        sum *= __expf(largest - v);
        largest = v;
      }
      sum += __expf(v - largest);
    }
  }
  float high = block_max(largest, scratch);
  // A thread without numbers has −∞ and 0; −∞ − −∞ would be NaN.
  sum = largest == -infinity ? sum : sum * __expf(largest - high);
  sum = block_sum(sum, scratch);
  float total = high + logf(sum);
  if (threadIdx.x == 0) nll[row] = total - from[target];
  if (!to) return;
  if (vectors) {
    for (int i = threadIdx.x; i < vocabulary / 4; i += blockDim.x) {
      float4 v = ((const float4 *)from)[i];
      float p[4] = {__expf(v.x - total), __expf(v.y - total), __expf(v.z - total),
                    __expf(v.w - total)};
#pragma unroll
      for (int j = 0; j < 4; j++) p[j] = gradient * (i * 4 + j == target ? p[j] - 1 : p[j]);
      uint2 packed = {pack_bf16(p[0], p[1]), pack_bf16(p[2], p[3])};
      ((uint2 *)to)[i] = packed;
    }
  } else {
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
      float p = __expf(from[i] - total);
      to[i] = to_bf16(gradient * (i == target ? p - 1 : p));
    }
  }
}

// nll as above, from what linear_wide.cu leaves of `count` pieces of each row. A warp a row.
extern "C" __global__ void __launch_bounds__(256) cross_entropy_parts(
    const float2 *parts, int count, const float *chosen, const int *targets, float *nll, int rows) {
  int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x & 31;
  if (row >= rows) return;
  const float2 *from = parts + (i64)row * count;
  float largest = -infinity, sum = 0;
  for (int i = lane; i < count; i += 32) largest = fmaxf(largest, from[i].x);
  largest = warp_max(largest);
  for (int i = lane; i < count; i += 32) sum += from[i].y * __expf(from[i].x - largest);
  sum = warp_sum(sum);
  if (lane == 0) nll[row] = targets[row] < 0 ? 0 : largest + logf(sum) - chosen[row];
}

// The largest of a row, and where it first stands; −1 without one.
__device__ __forceinline__ float row_largest(
    const void *x, i64 start, int type, int count, float *scratch, float *place) {
  float high = -infinity, first = infinity;
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    float v = load_any(x, start + i, type);
    if (v > high) {
      high = v;
      first = i;
    }
  }
  float most = block_max(high, scratch);
  // A vocabulary is far below 2^24, so that places are exact.
  *place = -block_max(high == most ? -first : -infinity, scratch);
  return most;
}

// results[row] = KL(reference ‖ logits), both negative log-likelihoods of the target, 1 where the largest stand at one place.
// One block a row; a thread's few sums are f32, those over a block f64.
extern "C" __global__ void __launch_bounds__(512) divergence(
    const void *logits, i64 stride, int type, const void *reference, i64 reference_stride,
    int reference_type, const int *targets, int vocabulary, float4 *results) {
  __shared__ float scratch[32];
  __shared__ double sums[32];
  i64 row = blockIdx.x, q = row * stride, p = row * reference_stride;
  float place, reference_place;
  float peak = row_largest(logits, q, type, vocabulary, scratch, &place);
  float reference_peak =
      row_largest(reference, p, reference_type, vocabulary, scratch, &reference_place);
  float sum = 0, reference_sum = 0, cross = 0;
  for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
    float x = load_any(logits, q + i, type) - peak;
    float y = load_any(reference, p + i, reference_type) - reference_peak;
    float weight = expf(y);
    sum += expf(x);
    reference_sum += weight;
    cross += weight * (y - x);
  }
  double total = block_sum((double)sum, sums), reference_total = block_sum((double)reference_sum, sums);
  double crossed = block_sum((double)cross, sums);
  if (threadIdx.x != 0) return;
  double normalizer = log(total), reference_normalizer = log(reference_total);
  double found = crossed / reference_total - reference_normalizer + normalizer;
  int target = targets[row];
  results[row] = make_float4(
      found < 0 ? 0.f : (float)found,
      (float)(normalizer - (load_any(logits, q + target, type) - peak)),
      (float)(reference_normalizer - (load_any(reference, p + target, reference_type) - reference_peak)),
      place == reference_place ? 1.f : 0.f);
}
