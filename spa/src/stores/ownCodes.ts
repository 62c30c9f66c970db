import { defineStore } from 'pinia'
import { ref } from 'vue'

/** When the next code of the learner with this token can be sent, to whichever receiver (milliseconds, as of `performance.now`). */
export const useOwnCodes = defineStore('own-codes', () => ({ token: ref(''), freeAt: ref(0) }))
