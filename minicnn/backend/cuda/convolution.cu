// Convolution without columns: each map is a sum of shifted images.
//
//   convolve           y[m, r, l] = bias[m] + sum over k of weight[m, k] · x[r, tap(k) + l]
//   convolve_weights   weight[m, k] = sum over r and l of grad[m, r, l] · x[r, tap(k) + l]
//
// Images lie in storage order (C, H, W, N), so a row r of places of the window is a run of OW·N
// numbers, l = 0, 1, ..., and under each tap k = (c, kh, kw) lies another run of the same length.
// Near the edges places have fewer taps, and with a stride the taps of neighbouring places lie
// further apart: there a row is cut into several runs. Only taps that lie on pixels are listed, so
// padding is neither stored nor multiplied. cuda/runs.py makes the lists, in units of pixels.
//
// The gradient to the images is `convolve` with other lists: a pixel gathers from the places whose
// windows see it. A dense layer is a convolution of images of one pixel.
//
// MOST_MAPS, VECTORS, WEIGHT_MAPS, and COLUMNS say how many sums a warp keeps in registers, of
// which a thread of a GPU has up to 255 and a CPU 16 or 32: cuda/tiles.py.
#include "common.cuh"

template <typename I>
__device__ inline I smallest(I a, I b) { return a < b ? a : b; }
template <typename I>
__device__ inline I largest(I a, I b) { return a < b ? b : a; }

// What a warp needs to know to compute some maps of one run.
template <typename T, typename I>
struct Run {
    array<const T> x, weight, bias;
    array<T> y;
    array<const int> taps;  // pairs: the pixel of x, from its start, and the element of weight
    int first, end;         // those to add up now
    I x_start, weight_start, bias_start, y_start;
    I weight_step, y_step;  // from one map to the next
    I length, batch;
    bool has_bias, continues;  // continues: y holds the sums over the taps before
};

// Some vectors of MAPS maps, from number l of the run. A vector that would reach past its end takes
// its last numbers instead, some of which are computed twice.
template <typename L, int MAPS, typename T, typename I>
__device__ __forceinline__ void convolve_tile(const Run<T, I>& run, I l) {
    typename L::Numbers sum[MAPS][VECTORS], pixels[VECTORS];
    I at[VECTORS];
    bool is_inside[VECTORS];
#pragma unroll
    for (int v = 0; v < VECTORS; ++v) {
        at[v] = l + v * L::WARP + L::lane();
        is_inside[v] = at[v] < run.length;
        at[v] = smallest<I>(at[v], run.length - L::COUNT);
    }
#pragma unroll
    for (int m = 0; m < MAPS; ++m) {
        const T bias = run.has_bias ? run.bias[run.bias_start + m] : T(0);
#pragma unroll
        for (int v = 0; v < VECTORS; ++v)
            sum[m][v] = run.continues ? L::load(run.y, run.y_start + m * run.y_step + at[v])
                                      : L::all(bias);
    }
    // Where each vector and each map begins, so that a CPU computes no other address for a tap.
    Rest<const T> x[VECTORS], weight[MAPS];
#pragma unroll
    for (int v = 0; v < VECTORS; ++v) x[v] = run.x + (run.x_start + at[v]);
#pragma unroll
    for (int m = 0; m < MAPS; ++m)
        weight[m] = run.weight + (run.weight_start + m * run.weight_step);
UNROLL_4
    for (int k = run.first; k < run.end; ++k) {
        const I tap = run.taps[2 * k] * run.batch, element = run.taps[2 * k + 1];
#pragma unroll
        for (int v = 0; v < VECTORS; ++v) pixels[v] = L::load(x[v], tap);
#pragma unroll
        for (int m = 0; m < MAPS; ++m) {
            const T factor = weight[m][element];
#pragma unroll
            for (int v = 0; v < VECTORS; ++v) sum[m][v] += factor * pixels[v];
        }
    }
#pragma unroll
    for (int v = 0; v < VECTORS; ++v) {
        if (!is_inside[v]) continue;
#pragma unroll
        for (int m = 0; m < MAPS; ++m)
            L::store(run.y, run.y_start + m * run.y_step + at[v], sum[m][v]);
    }
}

// A whole run of `maps` maps; the number of maps must be known when it is compiled.
template <typename L, int MAPS, typename T, typename I>
__device__ __forceinline__ void convolve_run(const Run<T, I>& run, int maps) {
    if constexpr (MAPS > 1) {
        if (maps < MAPS) return convolve_run<L, MAPS - 1, T, I>(run, maps);
    }
    for (I l = 0; l < run.length; l += VECTORS * L::WARP) convolve_tile<L, MAPS, T, I>(run, l);
}

// One warp for each run of each row, and each block of tiles: the maps of a group are cut into
// tiles of nearly equal size. Long sums are cut, too: while all tiles of a block go over a part of
// the taps, what lies under these stays in the cache of a core. (On a GPU a block is one tile, and
// all taps are one part.)
template <typename T, typename I>
__global__ void convolve(
    array<const T> x, array<const T> weight, array<const T> bias, array<T> y,
    array<const int> rows, array<const int> runs, array<const int> taps, array<const int> starts,
    I has_bias, I row_count, I run_count, I kinds, I groups, I maps, I tiles, I blocks,
    I block_tiles, I most_taps, I batch, I x_group, I y_map, I y_row, I weight_group,
    I weight_step) {
    FOR_EACH_WARP(w, groups * row_count * run_count * blocks) {
        const I block = w % blocks, r = w / blocks % run_count;
        const I row = w / blocks / run_count % row_count;
        const I group = w / blocks / run_count / row_count;
        const int list = rows[2 * row + 1] * int(kinds) + runs[4 * r + 3];
        const int first_tap = starts[list], last_tap = starts[list + 1];
        Run<T, I> run = {x, weight, bias, y, taps, first_tap, last_tap};
        run.x_start = (group * x_group + rows[2 * row] + runs[4 * r + 2]) * batch;
        run.weight_step = weight_step, run.y_step = y_map * batch;
        run.length = runs[4 * r + 1] * batch, run.batch = batch, run.has_bias = has_bias != 0;
        // Sums can be continued where no vector lies across the end of the run.
        const int part = run.length % Lanes<T>::COUNT == 0 ? int(most_taps) : last_tap - first_tap;
        do {
            run.continues = run.first > first_tap;
            run.end = smallest(run.first + part, last_tap);
            const I end_tile = smallest<I>((block + 1) * block_tiles, tiles);
            for (I tile = block * block_tiles; tile < end_tile; ++tile) {
                const I first_map = maps * tile / tiles, last_map = maps * (tile + 1) / tiles;
                run.bias_start = group * maps + first_map;
                run.weight_start = group * weight_group + first_map * weight_step;
                run.y_start = (run.bias_start * y_map + row * y_row + runs[4 * r]) * batch;
                if (run.length >= Lanes<T>::COUNT)
                    convolve_run<Lanes<T>, MOST_MAPS, T, I>(run, int(last_map - first_map));
                else
                    convolve_run<One<T>, MOST_MAPS, T, I>(run, int(last_map - first_map));
            }
            run.first = run.end;
        } while (run.first < last_tap);
    }
}

// What a warp needs to know to compute some weights over one piece of a row.
template <typename T, typename I>
struct Piece {
    array<const T> grad, x;
    array<const int> columns;  // pairs: the pixel of x under the column's tap, its weight
    I first_column;            // two times the first of this tile
    I grad_start, grad_step;   // the first place; from one map to the next
    I x_start, x_step;         // the pixel under it; from one place to the next
    I places, length;          // places that are no neighbours in x, and the numbers of each
    I rows, grad_row, x_row;   // from one row to the next
    I batch;
};

// sum[m][k] = the sum of grad · x over the piece, for MAPS maps and COLUMNS columns.
template <typename L, int MAPS, typename T, typename I>
__device__ __forceinline__ void sum_products(
    const Piece<T, I>& piece, typename L::Numbers (&sum)[MAPS][COLUMNS]) {
    typename L::Numbers grad[MAPS];
    const I whole = piece.length - piece.length % L::COUNT;
    for (I r = 0; r < piece.rows * piece.places; ++r) {
        const I row = r / piece.places, place = r % piece.places;
        const I first = piece.grad_start + row * piece.grad_row + place * piece.batch;
        const auto grads = piece.grad + first;
        const auto x = piece.x + (piece.x_start + row * piece.x_row + place * piece.x_step);
        const auto columns = piece.columns + piece.first_column;
        I at[COLUMNS];
#pragma unroll
        for (int k = 0; k < COLUMNS; ++k) at[k] = columns[2 * k] * piece.batch;
        for (I l = L::lane(); l < whole; l += L::WARP) {
#pragma unroll
            for (int m = 0; m < MAPS; ++m) grad[m] = L::load(grads, m * piece.grad_step + l);
#pragma unroll
            for (int k = 0; k < COLUMNS; ++k) {
                const typename L::Numbers pixels = L::load(x, at[k] + l);
#pragma unroll
                for (int m = 0; m < MAPS; ++m) sum[m][k] += grad[m] * pixels;
            }
        }
        if (L::COUNT > 1 && whole < piece.length) {  // less than a vector
            const I rest = piece.length - whole;
            for (int m = 0; m < MAPS; ++m)
                for (int k = 0; k < COLUMNS; ++k)
                    sum[m][k] += L::load_first(grads, m * piece.grad_step + whole, rest)
                        * L::load_first(x, at[k] + whole, rest);
        }
    }
}

// The weights of MAPS maps and COLUMNS columns: written by the first piece, added to by the others.
template <typename L, int MAPS, typename T, typename I>
__device__ __forceinline__ void weights_of_tile(
    const Piece<T, I>& piece, const array<T>& weight, I start, I step, bool adds, int maps) {
    if constexpr (MAPS > 1) {
        if (maps < MAPS)
            return weights_of_tile<L, MAPS - 1, T, I>(piece, weight, start, step, adds, maps);
    }
    typename L::Numbers sum[MAPS][COLUMNS] = {};
    sum_products<L, MAPS, T, I>(piece, sum);
#pragma unroll
    for (int m = 0; m < MAPS; ++m)
#pragma unroll
        for (int k = 0; k < COLUMNS; ++k) {
            const T total = L::sum_of_warp(sum[m][k]);
            const auto columns = piece.columns + (piece.first_column + 2 * k);
            const int column = columns[1];  // the last tile repeats its last column
            if (L::lane() != 0 || (k > 0 && column == columns[-1])) continue;
            const I i = start + m * step + column;
            weight[i] = adds ? weight[i] + total : total;
        }
}

// One warp for each part of the pieces and each block of tiles. A piece is a stretch of a row of
// places, or some short rows: short enough for grad and x under it to stay in the cache of a core
// while all tiles of maps and columns go over them.
template <typename T, typename I>
__global__ void convolve_weights(
    array<const T> grad, array<const T> x, array<T> weight, array<const int> columns,
    array<const int> kinds, I parts, I row_pieces, I piece_rows, I place_pieces, I piece_places,
    I groups, I maps, I map_tiles, I column_tiles, I blocks, I block_tiles, I batch, I grad_map,
    I grad_row, I x_group, I x_row, I x_place, I weights, I weight_group, I weight_step) {
    const I tiles = map_tiles * column_tiles, pieces = row_pieces * place_pieces;
    FOR_EACH_WARP(w, parts * groups * blocks) {
        const I block = w % blocks, group = w / blocks % groups, part = w / blocks / groups;
        const I first_piece = pieces * part / parts, last_piece = pieces * (part + 1) / parts;
        for (I p = first_piece; p < last_piece; ++p) {
            const I row = p / place_pieces * piece_rows, place = p % place_pieces * piece_places;
            const I first_tile = block * block_tiles;
            const I end_tile = smallest<I>(first_tile + block_tiles, tiles);
            I map_tile = first_tile / column_tiles, column_tile = first_tile % column_tiles;
            for (I t = first_tile; t < end_tile; ++t, ++column_tile) {
                if (column_tile == column_tiles) column_tile = 0, ++map_tile;
                const I first_map = maps * map_tile / map_tiles;
                const int count = int(maps * (map_tile + 1) / map_tiles - first_map);
                // What the piece and the places of the columns have in common.
                const auto kind = kinds + 4 * column_tile;
                const I first_row = largest<I>(row, kind[0]), first = largest<I>(place, kind[2]);
                const I rows = smallest<I>(row + piece_rows, kind[1]) - first_row;
                const I places = smallest<I>(place + piece_places, kind[3]) - first;
                const bool is_run = x_place == 1;  // neighbouring places see neighbouring pixels
                const Piece<T, I> piece = {
                    grad, x, columns, 2 * COLUMNS * column_tile,
                    ((group * maps + first_map) * grad_map + first_row * grad_row + first) * batch,
                    grad_map * batch,
                    (group * x_group + first_row * x_row + first * x_place) * batch,
                    x_place * batch, places <= 0 ? 0 : is_run ? 1 : places,
                    is_run ? places * batch : batch, rows > 0 ? rows : 0, grad_row * batch,
                    x_row * batch, batch};
                const I start = part * weights + group * weight_group + first_map * weight_step;
                const bool adds = p > first_piece;
                if (piece.length >= Lanes<T>::COUNT)
                    weights_of_tile<Lanes<T>, WEIGHT_MAPS, T, I>(
                        piece, weight, start, weight_step, adds, count);
                else
                    weights_of_tile<One<T>, WEIGHT_MAPS, T, I>(
                        piece, weight, start, weight_step, adds, count);
            }
        }
    }
}

// totals[i] = the sum over the parts of parts[p, i]. One thread for each element.
template <typename T, typename I>
__global__ void sum_of_parts(array<const T> parts, array<T> totals, I count, I elements) {
    FOR_EACH(i, elements) {
        T sum = parts[i];
        for (I p = 1; p < count; ++p) sum += parts[p * elements + i];
        totals[i] = sum;
    }
}
