"""The steps of a player as functions of a page; `audio` is a global of it."""

START = """async url => {
    const audio = globalThis.audio = new Audio();
    audio.crossOrigin = 'anonymous';
    const failed = new Promise((_, fail) => audio.onerror = () => fail(Error(audio.error.message)));
    audio.src = url;
    const playing = new Promise(
        done => audio.ontimeupdate = () => audio.currentTime > 0.1 && done());
    await Promise.race([failed, audio.play()]);
    await Promise.race([failed, playing]);
    return audio.duration;
}"""
SEEK = """async part => {
    const audio = globalThis.audio, goal = audio.duration * part;
    const failed = new Promise((_, fail) => audio.onerror = () => fail(Error(audio.error.message)));
    const there = new Promise(done => audio.onseeked = done);
    audio.pause();  // or a busy machine would have played on before it looked
    audio.currentTime = goal;
    await Promise.race([failed, there]);
    const found = audio.currentTime / audio.duration;
    const on = new Promise(
        done => audio.ontimeupdate = () => audio.currentTime > goal + 0.1 && done());
    await Promise.race([failed, audio.play()]);
    await Promise.race([failed, on]);
    return [found, audio.duration];
}"""
END = """async () => {
    const audio = globalThis.audio;
    const failed = new Promise((_, fail) => audio.onerror = () => fail(Error(audio.error.message)));
    if (!audio.ended) await Promise.race([failed, new Promise(done => audio.onended = done)]);
    return audio.currentTime;
}"""
