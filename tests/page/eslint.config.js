import js from '@eslint/js';
import globals from 'globals';

export default [
  js.configs.recommended,
  {
    files: ['minicnn/page/js/**/*.js'],
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'max-lines': ['error', 320],
      'no-shadow': 'error',
      'no-use-before-define': ['error', { functions: false, variables: false }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    // All texts stand in one file, which a translator can take away.
    files: ['minicnn/page/js/view/text.js'],
    rules: { 'max-lines': 'off' },
  },
  {
    // These compute only: no element of a page, so that each number can be checked without one.
    files: ['minicnn/page/js/network/**/*.js'],
    languageOptions: {
      globals: {
        ...Object.fromEntries(Object.keys(globals.browser).map((name) => [name, 'off'])),
        atob: 'readonly',
      },
    },
  },
];
