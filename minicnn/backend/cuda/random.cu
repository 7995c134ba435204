// Uniform random numbers by counting: element i depends only on the key and on i.
//
//   Philox4x64-10 (Salmon et al., 2011) turns the counters 1, 2, 3, ... into four random words
//   each, and each half of a word into a float in [0, 1): the bits of numpy.random.Philox.
//
// y (elements,) of float; T is float
#include "common.cuh"

typedef unsigned long long word;

// Ten rounds: the counter is multiplied and mixed with the key, which grows each time.
__device__ inline void philox(word counter[4], word key0, word key1) {
    for (int round = 0; round < 10; ++round) {
        const word a = 0xD2E7470EE14C6C93ULL, b = 0xCA5A826395121157ULL;
        const word high_a = __umul64hi(a, counter[0]), low_a = a * counter[0];
        const word high_b = __umul64hi(b, counter[2]), low_b = b * counter[2];
        counter[0] = high_b ^ counter[1] ^ key0, counter[1] = low_b;
        counter[2] = high_a ^ counter[3] ^ key1, counter[3] = low_a;
        key0 += 0x9E3779B97F4A7C15ULL, key1 += 0xBB67AE8584CAA73BULL;
    }
}

// The eight numbers of one counter.
template <typename T, typename I>
__device__ inline void fill_block(const array<T>& y, I block, word key, I elements) {
    word words[4] = {word(block) + 1, 0, 0, 0};
    philox(words, key, 0);
    for (int k = 0; k < 8; ++k) {
        const I i = block * 8 + k;
        const unsigned bits = unsigned(k % 2 ? words[k / 2] >> 32 : words[k / 2]);
        if (i < elements) y[i] = T(bits >> 8) * T(1.0f / 16777216);  // 24 bits, a float's
    }
}

// One thread for each counter.
template <typename T, typename I>
__global__ void uniform(array<T> y, unsigned long long key, I elements) {
    FOR_EACH(block, (elements + 7) / 8) { fill_block<T, I>(y, block, key, elements); }
}

// The same for a CUDA graph, which gets another key each time.
template <typename T, typename I>
__global__ void uniform_of_stored_key(array<T> y, array<const word> key, I elements) {
    FOR_EACH(block, (elements + 7) / 8) { fill_block<T, I>(y, block, key[0], elements); }
}
