/** Every English text of the page. */

import { count } from './numbers.js';

export const TEXT = {
  panels: 'Ways to look at the network',
  panelNames: {
    watch: 'Watch',
    lab: 'Window lab',
    breaking: 'Break it',
    training: 'Train here',
  },

  // The image and the answer
  input: 'The image and the answer',
  draw: 'Draw',
  boardLabel: 'Drawing board',
  boardRole: 'drawing board',
  boardHelp:
    'Mouse, finger or pen. With the keyboard: arrow keys move, the space bar lowers and lifts the pen, Delete clears.',
  clear: 'Clear',
  openPicture: 'Open a picture…',
  penColour: 'Pen',
  samples: 'Images of the data set',
  drawHere: 'Draw here',
  seenHelp: 'The image as the network sees it, and how probable it finds each class.',
  seenLabel: 'The image as the network sees it',
  answer: 'Probability of each class',
  switchedOff: (number) => `${count(number, 'unit is', 'units are')} switched off.`,
  nothing: 'Draw something, choose an image, or drop a picture on this page.',
  notAPicture: (name) => `${name} is not a picture that this browser can read.`,
  verdict: (name, share) => `This is ${name}: ${share}`,
  noNumbers: 'There is no answer: some scores are not numbers (NaN).',
  noDigit: 'This shows no digit: its grey levels hardly differ.',
  severalDigits: (number) => `This shows ${number} digits next to each other; draw one.`,

  // Watch
  watch: {
    help: 'Point at any number to see what it is computed from; click it to see how. White is 0, red is above and blue below it; maps without negative numbers run from black, 0, to white.',
    mapsRole: 'maps',
    mapsLabel: (name, size) =>
      `${name}: ${size}. Arrow keys choose a number, Page Up and Page Down another map.`,
    showAll: (number) => `Show all ${number.toLocaleString('en')}`,
    maps: (number) => count(number, 'map'),
    mapsOf: (maps, height, width) => `${maps} of ${height}×${width}`,
    units: (number) => count(number, 'unit'),
    parameters: (number) => count(number, 'parameter'),
    windowOf: ({ kernel, stride }) =>
      `${kernel.join('×')} window${stride.some((n) => n > 1) ? `, stride ${stride[0] === stride[1] ? stride[0] : stride.join('×')}` : ''}`,
    range: (low, high) => `${low} to ${high}`,

    // The inspector
    inspect: 'One number',
    inspectHelp: 'Click any number of any layer to see how it was computed.',
    numberOf: (name, [unit, i, j]) =>
      i === undefined ? `${name}, unit ${unit}` : `${name}, map ${unit}, row ${i}, column ${j}`,
    field: ([, rows, columns], [, height, width]) => {
      const [down, across] = [rows, columns].map(([first, last]) => last - first + 1);
      if (down <= 0 || across <= 0) return 'It depends on no pixel of the image: it is padding.';
      if (down === height && across === width) return 'It depends on the whole image.';
      const pixels = down * across === 1 ? 'one pixel' : `${down}×${across} pixels`;
      return `It depends on ${pixels} of the ${height}×${width} image.`;
    },
    play: 'Slide the window',
    stop: 'Stop',
    close: 'Close',
    result: 'result',
    rule: (kind, layer) => RULES[kind]?.(layer) ?? '',
    grids: {
      patch: (channel) => `patch, channel ${channel}`,
      kernel: () => 'kernel',
      products: () => 'products',
      window: (channel) => `window, channel ${channel}`,
      map: (channel) => `map ${channel}`,
      region: (channel) => `region of channel ${channel}`,
    },
    terms: {
      channelSum: ({ channel }) => `sum of the products, channel ${channel}`,
      otherChannels: (term) => count(term.count, 'more channel'),
      bias: () => 'bias',
      product: ({ input, weight, number }, format) =>
        `${format(weight)} × ${format(number)}, input ${input}`,
      otherProducts: (term) => count(term.count, 'smaller product'),
      sum: (term) => `sum of ${count(term.count, 'number')}`,
      divisor: () => 'divided by',
      largest: () => 'the largest',
      smallest: () => 'the smallest',
      pthPowers: ({ p }, format) => `sum of the numbers to the power of ${format(p)}`,
      pthRoot: ({ p }, format) => `this to the power of 1 / ${format(p)}`,
      copy: ({ place }) =>
        place.length === 3
          ? `map ${place[0]}, row ${place[1]}, column ${place[2]}`
          : `unit ${place[0]}`,
      fill: () => 'padding',
      input: () => 'input x',
      scale: () => 'times γ / √(running variance + ε)',
      shift: () => 'plus β − running mean · γ / √(…)',
      squares: ({ first, last }) => `squares of channels ${first} to ${last}, summed`,
      normDivisor: ({ layer }, format) =>
        `divided by (${format(layer.k)} + ${format(layer.alpha)} / ${layer.size} · squares) to the power of ${format(layer.beta)}`,
      score: () => 'score x',
      highestScore: () => 'highest score m',
      power: () => 'e to the power of x − m',
      powers: (term) => `the same for all ${term.count} classes, summed`,
      share: ({ row, column, share, number }, format) =>
        `${format(share)} × ${format(number)}, row ${row}, column ${column}`,
    },
  },

  // Window lab
  lab: {
    title: 'Slide a window',
    about:
      'Convolution and pooling look at an image through a small window that moves in steps. Change the window and see which pixels it covers, what it computes, and how large the output becomes. Rows and columns are counted from 0, as in Python.',
    options: {
      size: 'Input size H',
      kernel: 'Kernel K',
      stride: 'Stride S',
      padding: 'Padding P',
      dilation: 'Dilation D',
      mode: 'Padding mode',
      input: 'Input',
      filter: 'Convolution',
    },
    mode: { zeros: 'zeros', reflect: 'reflect', replicate: 'replicate', circular: 'circular' },
    input: {
      image: 'the image, scaled',
      middle: 'the middle of the image',
      digit: 'a digit',
      ramp: 'a ramp',
      checkerboard: 'a checkerboard',
    },
    filter: {
      identity: 'identity',
      blur: 'blur',
      sharpen: 'sharpen',
      horizontal: 'horizontal edge',
      vertical: 'vertical edge',
      emboss: 'emboss',
      own: 'your own numbers',
    },
    sizeTitle: 'Output size',
    outputSize: 'output',
    problems: {
      span: ({ kernel, dilation, span, padded, size }) =>
        `Impossible: a ${kernel}×${kernel} kernel ${
          dilation > 1 ? `with dilation ${dilation} spans ${span} pixels` : 'does not fit'
        }, but the padded input is ${padded}×${padded} (unpadded ${size}×${size}).`,
      reflect: ({ padding, size, problem }) =>
        `Impossible: padding ${padding} in mode reflect, but an axis of ${size} pixels gives at most ${size} − 1 = ${problem.most}, since the pixel at the edge is not repeated.`,
      circular: ({ padding, size }) =>
        `Impossible: padding ${padding} in mode circular, but an axis of ${size} pixels gives at most ${size}: once around.`,
    },

    padded: 'Padded input',
    inputLabel: ({ size, padding, padded }) =>
      `Padded input, ${padded} × ${padded}: ${size} × ${size} pixels and ${padding} of padding on each side`,
    legend:
      'The heavy line is the edge of the input. Hatched: padding, with the number that it holds; above and to the left, the row or column that it copies (a dot: none). Crossed out: used by no window. Images are shown in whole numbers from 0 (black) to 9 (white), so that you can check the sums in your head.',
    view: 'Show',
    views: { values: 'the numbers', uses: 'how many windows use each pixel' },
    pixel: (row, column, isPadding, uses) =>
      `${TEXT.lab.pixelName(row, column, isPadding)}; used by ${count(uses, 'window')}`,
    pixelName: (row, column, isPadding) => {
      if (!isPadding) return `row ${row}, column ${column}`;
      if (row < 0 || column < 0) return 'padding, 0';
      return `padding, a copy of row ${row}, column ${column}`;
    },
    outputs: { max: 'Maximum', min: 'Minimum', mean: 'Average', convolution: 'Convolution' },
    outputLabel: (title, output) =>
      `${title}, ${output} × ${output} places; the arrow keys move the window`,
    place: (row, column, value) => `row ${row}, column ${column}: ${value}`,
    play: 'Slide',
    pause: 'Pause',
    back: '←',
    next: '→',
    backLabel: 'Previous place',
    nextLabel: 'Next place',
    where: (row, column, stride) =>
      `Output row ${row}, column ${column}: the window begins at row ${row} · ${stride} = ${row * stride} and column ${column} · ${stride} = ${column * stride} of the padded input.`,
    keys: 'Click a number of an output, or move with the arrow keys.',
    unused({ size }, { last, between }, { pixels, copied }) {
      if (pixels === 0) return 'Every pixel of the input is used.';
      const parts = [];
      if (between.length) {
        const many = between.length > 1;
        const names = between.join(', ').replace(/, (?=\d+$)/, ' and ');
        parts.push(many ? `rows and columns ${names}` : `row ${names} and column ${names}`);
      }
      if (last.length === 1) parts.push('the last row and the last column');
      if (last.length > 1) parts.push(`the last ${last.length} rows and columns`);
      const text = parts.join(', and ');
      const rest = copied
        ? ` Padding copies ${copied} of them, and in these copies their numbers still count.`
        : '';
      return `${text[0].toUpperCase()}${text.slice(1)} are used by no window: ${pixels} of ${size * size} pixels.${rest}`;
    },
    paddingAbout: {
      zeros:
        'zeros: 0 0 | 1 2 3 | 0 0. The average counts the zeros as pixels and always divides by K·K (count_include_pad=True). In this panel the maximum and the minimum see the zeros too; a MaxPool2d ignores its own padding.',
      reflect: 'reflect: 3 2 | 1 2 3 | 2 1. A mirror at the edge pixel, which is not repeated.',
      replicate: 'replicate: 1 1 | 1 2 3 | 3 3. The edge pixel is repeated.',
      circular: 'circular: 2 3 | 1 2 3 | 1 2. The image wraps around to its other side.',
    },

    atPlace: 'Under the window',
    patch: 'Numbers',
    weights: 'Kernel',
    products: 'Products',
    winner: (value, pixel) => `${value} (${pixel})`,
    sumOf: (number, sum, share) => `the sum of ${number} numbers is ${sum}; ${share}`,
    productsOf: (number, sum) => `the sum of ${number} products is ${sum}`,
    kernelNote(filter, kernel, dilation) {
      const notes = [];
      if (filter === 'own' && kernel > 3) {
        notes.push('Your nine numbers are in the middle of the kernel; the others are 0.');
      }
      if (filter === 'own' && kernel < 3) {
        notes.push('Only the middle of your nine numbers is used.');
      }
      if (dilation > 1) {
        notes.push(
          `The window takes one pixel in ${dilation} and skips those between. So does the average here; an AvgPool2d has no dilation.`,
        );
      }
      return notes.join(' ');
    },

    kernelTitle: 'A kernel on a whole picture',
    kernelAbout:
      'Change the nine numbers, or start from a well-known kernel. The result at each pixel is the sum of the 3×3 pixels around it, each times one of the nine numbers. As in every CNN framework this is a cross-correlation: the kernel is not flipped. Outside the picture, the edge pixels are repeated.',
    nine: 'The nine numbers of the kernel',
    weightAt: (row, column) => `Kernel, row ${row}, column ${column}`,
    filterAbout: {
      identity: 'Identity: takes the pixel itself, so that nothing changes.',
      blur: 'Blur: the mean of nine pixels, so that fine detail disappears.',
      sharpen: 'Sharpen: five times the pixel minus its four neighbours, so that differences grow.',
      horizontal:
        'Horizontal edge (Sobel): the row below minus the row above. Positive where it gets brighter downwards, 0 where nothing changes.',
      vertical:
        'Vertical edge (Sobel): the column on the right minus the column on the left. Positive where it gets brighter to the right, 0 where nothing changes.',
      emboss:
        'Emboss: the pixel, plus what is brighter at the lower right than at the upper left, like light on a relief.',
      own: 'Your own numbers.',
    },
    kernelSum: (sum, isBalanced) =>
      isBalanced
        ? 'The numbers add up to 0, so flat areas become 0: white. Red is positive, blue negative.'
        : `The numbers add up to ${sum}: flat areas ${sum === '1' ? 'keep their brightness' : `become ${sum} times as bright`}. Results below 0 are shown black, results above 1 white.`,
    before: 'Before',
    after: 'After',
    afterLabel: (isBalanced) =>
      `The picture after the kernel, ${isBalanced ? 'red where positive, blue where negative' : 'in grey'}`,
    useStage: 'Back to the image of the page',
    noPicture: 'Draw something, choose an image, or drop a picture here.',
  },

  // Break it
  breaking: {
    intro:
      'How robust is this network? Distort the image, switch off parts of the network, or go back to an earlier state of its training.',
    noImage: 'Draw something or choose an image: then it can be distorted here.',
    someOff: (number) =>
      `${count(number, 'unit is', 'units are')} switched off, here and in all other views.`,
    allOn: 'Switch all on again',

    distort: 'Distort the image',
    distortHelp:
      'Move a slider. Lines are made thicker or thinner, then the image is turned, shifted, and disturbed by noise.',
    axes: {
      right: 'Shift right',
      down: 'Shift down',
      degrees: 'Turn',
      noise: 'Noise',
      thickness: 'Thickness',
    },
    units: { right: ' px', down: ' px', degrees: '°', noise: '', thickness: ' px' },
    axisTitles: {
      right: 'shift to the right, in pixels',
      down: 'shift down, in pixels',
      degrees: 'turn clockwise, in degrees',
      noise: 'standard deviation of the noise; white is 1',
      thickness: 'how much thicker the lines are, in pixels',
    },
    original: 'Original',
    distorted: 'Distorted',
    originalLabel: 'The original image',
    distortedLabel: 'The distorted image',
    sameAnswer: 'The answer is the same.',
    otherAnswer: 'The answer has changed.',
    reset: 'Reset the sliders',
    newNoise: 'Draw new noise',
    useImage: 'Use this image everywhere',

    curve: (axis) => `${axis}: the probability of each class`,
    curveLabel: (sentence) => `Chart of the probabilities. ${sentence}`,
    stays: (name) => `The answer is ${name} over the whole range.`,
    starts: (amount, name) => `At ${amount} the answer is ${name}.`,
    firstChange: (place, name) => `From ${place} on it is ${name}`,
    nextChange: (name) => `, then ${name}`,
    moreChanges: ', and others after that',
    places: {
      right: (amount, isAfter) => `${amount} px to the ${isAfter ? 'right' : 'left'}`,
      down: (amount, isAfter) => `${amount} px ${isAfter ? 'down' : 'up'}`,
      degrees: (amount, isAfter) => `${amount}° ${isAfter ? 'clockwise' : 'anticlockwise'}`,
      noise: (amount) => `a standard deviation of ${amount}`,
      thickness: (amount, isAfter) => `${amount} px ${isAfter ? 'thicker' : 'thinner'}`,
    },

    className: 'Class',
    before: 'before',
    now: 'now',

    switchOff: 'Switch parts off',
    noUnits:
      'This network has no convolution and no dense layer, so there is nothing to switch off.',
    switchHelp:
      'A click switches a map or a unit off: its output becomes 0, and all later layers have to do without it.',
    layer: 'Layer',
    layerName: (name, number, isConvolution) =>
      `${name}, ${count(number, isConvolution ? 'map' : 'unit')}`,
    unit: (number, isConvolution) => `${isConvolution ? 'map' : 'unit'} ${number}`,
    unitsOf: (name) => `Maps or units of ${name}`,
    filtersAndMaps:
      'Above the filter, below its map of this image. Red is positive, blue negative.',
    mapsOnly: 'The map of each filter for this image.',
    showAll: (number) => `Show all ${number}`,
    nothingOff: 'Everything is on.',
    stillSays: (number, name, share, shareBefore) =>
      `Without ${number === 1 ? 'this one' : `these ${number}`} the answer is still ${name}: ${share}, ${shareBefore} before.`,
    nowSays: (number, name, share, nameBefore, shareBefore) =>
      `Without ${number === 1 ? 'this one' : `these ${number}`} the answer is ${name} (${share}) instead of ${nameBefore} (${shareBefore}).`,
    bothAnswers: 'The answer before and now',

    ranking: (isConvolution) => `Which ${isConvolution ? 'map' : 'unit'} matters most?`,
    rankingHelp: (name, share, isConvolution) =>
      `Each ${isConvolution ? 'map' : 'unit'} is switched off by itself: how far the probability of ${name} falls from ${share}, in percentage points.`,
    rankingMore: (number) => `The other ${number} matter less than these.`,
    littleDrop: '< 0.1',
    noneMatters: (isConvolution) =>
      `For this image, no ${isConvolution ? 'map' : 'unit'} matters by itself: the others make up for it.`,
    insteadSays: (name) => `then ${name}`,

    snapshots: 'Earlier in the training',
    snapshotHelp:
      'The same image in the network as it was during training, and as it is at the end.',
    noSnapshots:
      'This page has no earlier states of the network. Training with the callback mc.train.Snapshots() keeps some, and mc.page.write(..., snapshots=snapshots) puts them here.',
    snapshot: 'State',
    atStart: 'start',
    atEpoch: (epoch) => `epoch ${epoch}`,
    finalNetwork: 'final network',
    filtersOf: (name) => `Filters of ${name}`,
    mapsOf: (name) => `Maps of ${name} for this image`,
    filtersLabel: (name, state) => `The filters of ${name}, ${state}`,
    mapsLabel: (name, state) => `The maps of ${name}, ${state}`,
  },

  // Train here
  training: {
    title: 'Train a network here',
    intro: (weights, images, tests) =>
      `${weights} weights that start at random learn from ${images} handwritten digits of 8×8 pixels, 32 of them in each step. ${tests} other digits test what has been learnt. Everything is computed in this page.`,
    network: (activation) =>
      `image 8×8 → convolution 3×3, 8 maps → ${activation} → max pooling 2 → convolution 3×3, 16 maps → ${activation} → max pooling 2 → dense 64 → 10 scores`,

    start: 'Start',
    pause: 'Pause',
    step: 'One step',
    epoch: 'One epoch',
    restart: 'Start again',
    rate: 'Learning rate',
    activation: 'Activation',
    activations: { relu: 'ReLU', sigmoid: 'sigmoid' },
    momentum: 'Momentum of 0.9',
    forget: 'Forget to zero the gradients',
    sigmoidNote:
      'The slope of the sigmoid is at most 1/4, so each layer passes less of the gradient on to the layers before it: they hardly learn at first. Give it ten epochs.',
    forgetNote:
      'backward() adds to .grad, in minicnn as in PyTorch, until zero_grad() sets it to 0. Without it each step follows the sum of all gradients so far: old ones never fade, so the steps grow, overshoot, and the loss rises again.',

    numbers: {
      epochs: 'Epochs',
      seen: 'Images seen',
      loss: 'Training loss',
      accuracy: 'Test images right',
      speed: 'Steps per second',
    },
    ready: 'Ready: the weights are random, so about one answer in ten is right by chance.',
    running: 'Learning…',
    paused: (epochs, share) =>
      `Paused after ${epochs} epochs: ${share} of the test images are right.`,
    notANumber: 'not a number',
    diverged: (steps, losses, rate) =>
      `Stopped at step ${steps}: the loss is no longer a finite number. The last losses were ${losses}. With a learning rate of ${rate} each step overshoots the minimum by more than the step before, until the weights overflow.`,
    silent: {
      relu: 'All ReLUs of the last convolution give 0 for all 32 images of a step. Where a ReLU gives 0 its slope is 0 as well, so the filters no longer learn: the steps were too large.',
      sigmoid:
        'All sigmoids of the last convolution give 0 for all 32 images of a step: they are saturated. Their slope is 0 there, so the filters no longer learn: the steps were too large.',
    },
    worse: (first) => `The loss is higher than before training (${first}): the steps overshoot.`,
    advice: {
      rate: 'Choose a smaller learning rate and start again.',
      forget: 'Switch “Forget to zero the gradients” off and start again.',
    },

    lossTitle: 'Training loss',
    lossLabel: 'Training loss over the epochs; the table below has its last values',
    accuracyTitle: 'Test images right',
    accuracyLabel:
      'Share of the test images that are right, four times in each epoch; the table below has its last values',
    epochs: 'epochs',
    clipped: (top) => `Losses above ${top} are drawn at ${top}.`,
    runs: 'Runs',
    columns: ['Settings', 'Epochs', 'Loss', 'Test right'],
    currentRun: (settings) => `${settings} (now)`,
    rateOf: (rates) => `rate ${rates}`,
    withoutMomentum: (isPartly) => (isPartly ? 'partly without momentum' : 'no momentum'),
    forgetful: (isPartly) => (isPartly ? 'gradients partly not zeroed' : 'gradients not zeroed'),
    compare:
      'To compare, change a setting and press “Start again”: the last three runs stay. Each run starts from the same weights and gets the images in the same order, so only the setting makes the difference.',

    testImage: 'A test image',
    drawing: 'Your drawing',
    previousImage: 'Previous test image',
    nextImage: 'Next test image',
    nextMistake: 'Next mistake',
    showMaps: 'Show its maps',
    imageNumber: (number, total) => `${number} of ${total}`,
    testVerdict: (label, best, share) =>
      `${label === best ? '✓' : '✗'} A ${label}, read as ${best} (${share}).`,
    drawingVerdict: (best, share) => `In 8×8 pixels, read as ${best} (${share}).`,
    unlike:
      'The test images were written by the same 13 people as those that it learns from. Your hand differs more from theirs, so your drawing is read less reliably.',
    noDrawing: 'Draw a digit on the board, and this network reads it while it learns.',
    noAnswer: 'No answer: the weights have overflowed.',

    convolutions: { first: 'First convolution', second: 'Second convolution' },
    mapRows: [
      (size) => `Filters, ${size}`,
      (size) => `Output of the convolution, ${size}`,
      (size, activation) => `After the ${activation}, ${size}`,
      (size) => `After max pooling, ${size}`,
    ],
    allZero: 'all 0',
    colours:
      'Each column is one map, under its filter (in the second convolution: under its eight filters, one for each map of the first). White is 0, red is above it, blue below; grey goes from black, 0, to white.',
  },
};

/** What each kind of layer does, in a sentence. */
const RULES = {
  conv2d: () =>
    'Each number under the window times its weight, all products summed, plus the bias.',
  linear: () => 'Each input times its weight, all products summed, plus the bias.',
  max_pool2d: () => 'The largest number under the window.',
  min_pool2d: () => 'The smallest number under the window.',
  avg_pool2d: () => 'The mean of the numbers under the window.',
  lp_pool2d: ({ norm_type: p }) => `The p-norm of the numbers under the window, with p = ${p}.`,
  global_max_pool2d: () => 'The largest number of the whole map.',
  global_min_pool2d: () => 'The smallest number of the whole map.',
  global_avg_pool2d: () => 'The mean of the whole map.',
  adaptive_max_pool2d: () => 'The largest number of this region.',
  adaptive_avg_pool2d: () => 'The mean of this region.',
  pad2d: () => 'A copy of a number of the input, or the padding around it.',
  resize: () => 'A mean of the nearest pixels, weighted by how near they are.',
  flatten: () => 'A copy: all maps in one row, one after the other.',
  local_response_norm: () => 'The input, divided by the activity of the neighbouring channels.',
  batch_norm: () => 'The input, scaled and shifted by the statistics of the training.',
  softmax: () => 'e to the score, divided by the sum of this over all classes.',
  log_softmax: () => 'The logarithm of the softmax of the scores.',
  identity: () => 'A copy of the input: in evaluation this layer changes nothing.',
  relu: () => 'max(x, 0): what is negative becomes 0.',
  leaky_relu: ({ negative_slope: a }) => `x where it is positive, ${a} · x elsewhere.`,
  elu: ({ alpha }) => `x where it is positive, ${alpha} · (e^x − 1) elsewhere.`,
  selu: () => '1.0507 · x where it is positive, 1.0507 · 1.6733 · (e^x − 1) elsewhere.',
  gelu: () => 'x · Φ(x), with the normal distribution Φ.',
  silu: () => 'x / (1 + e^−x).',
  softplus: ({ beta }) => `log(1 + e^(${beta} · x)) / ${beta}.`,
  sigmoid: () => '1 / (1 + e^−x): between 0 and 1.',
  tanh: () => 'tanh(x): between −1 and 1.',
  scaled_tanh: () => '1.7159 · tanh(2x / 3).',
  hardtanh: ({ min_val: low, max_val: high }) => `x, but at least ${low} and at most ${high}.`,
};
