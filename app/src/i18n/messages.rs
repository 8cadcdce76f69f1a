//! Every sentence of the page, in one table. `{}` stands for a value, in the same order in every language.

use super::table::messages;

messages! {
    // frame of every page
    skip { "Skip to content" "跳到正文" }
    tagline { "the exact moment" "精确到时刻" }
    library { "Library" "视频库" }
    other_language { "中文" "English" }
    switch_language { "切换到中文" "Switch to English" }
    switch_theme { "Switch between light and dark" "切换浅色与深色" }
    dismiss { "Dismiss" "关闭" }
    working { "Working …" "处理中……" }

    // library
    hero { "Ask a video. Get the exact moment." "问视频，得时刻。" }
    hero_sub {
        "Drop a file and ask in plain words. Every answer is pinned to the timeline — click, and you are there."
        "拖入视频，用日常语言提问。回答中的每个时间都钉在时间轴上，点击即达。"
    }
    drop_here { "Drop videos here" "把视频拖到这里" }
    drop_now { "Let go to open it" "松开即可打开" }
    choose { "Choose a video" "选择视频" }
    try_sample { "Try the sample" "试试示例" }
    sample_hint { "one minute, nothing to install" "一分钟，无需安装" }
    drop_or_paste { "or paste it with Ctrl V" "也可以用 Ctrl V 粘贴" }
    private { "The file stays on your machine: frames are read in this browser and only they are sent." "文件不会离开你的电脑：画面在浏览器里读取，只发送画面。" }
    formats { "MP4, MOV, MKV, WebM, AVI and TS, up to two hours" "MP4、MOV、MKV、WebM、AVI 与 TS，最长两小时" }
    opening { "Reading {} …" "正在读取 {} ……" }
    fetching_sample { "Fetching the sample …" "正在获取示例……" }
    your_videos { "Your videos" "你的视频" }
    find { "Search titles, chapters, subtitles, questions and answers" "搜索标题、章节、字幕、问题和回答" }
    find_none { "Nothing found for “{}”." "没有找到“{}”。" }
    no_videos { "Nothing here yet. Drop a video above, or try the sample." "还没有视频。拖入一个视频，或试试示例。" }
    videos_failed { "The library cannot be shown." "无法显示视频库。" }
    try_again { "Try again" "重试" }
    questions_none { "no questions yet" "还没有提问" }
    questions_one { "1 question" "1 个问题" }
    questions_many { "{} questions" "{} 个问题" }
    rename { "Rename" "重命名" }
    new_title { "New title" "新标题" }
    save { "Save" "保存" }
    delete { "Delete" "删除" }
    delete_ask { "Delete “{}” with its frames and answers?" "删除“{}”及其画面和回答？" }
    delete_yes { "Delete" "删除" }
    delete_no { "Keep it" "保留" }
    open { "Open {}" "打开 {}" }
    state_receiving { "Reading" "读取中" }
    state_indexing { "Indexing" "索引中" }
    state_ready { "Ready" "就绪" }
    state_stopped { "Paused" "已暂停" }
    offer_title { "Decoding on the server" "由服务器解码" }
    offer_accept { "Let the server decode it: {} will be sent" "让服务器解码：将发送 {}" }
    offer_refuse { "Not now" "暂不" }
    offer_deleted {
        "The server decodes the file with FFmpeg and deletes it afterwards; the frames stay. You can pause the upload; after a reload, pick the file again and it goes on."
        "服务器用 FFmpeg 解码该文件，完成后即删除，只保留画面。上传可以暂停；刷新页面后重新选择文件即可继续。"
    }
    offer_kept {
        "The server decodes the file with FFmpeg and keeps it until you delete the video. You can pause the upload; after a reload, pick the file again and it goes on."
        "服务器用 FFmpeg 解码该文件，并保留到你删除该视频为止。上传可以暂停；刷新页面后重新选择文件即可继续。"
    }
    queue_title { "Waiting" "等候中" }
    queue_hint { "One file is read after the other. Keep this tab open: files that wait are forgotten with it." "文件会依次读取。请不要关闭此标签页，否则等候的文件需要重新选择。" }
    queue_waiting { "Waits for its turn" "排队中" }
    queue_alone { "Open it by itself" "单独打开" }
    on_the_way { "On the way" "正在处理" }
    upload_running { "Sending" "正在发送" }
    upload_paused { "Paused" "已暂停" }
    upload_cancelling { "Cancelling" "正在取消" }
    upload_waiting { "Interrupted: pick the file again to go on" "已中断：重新选择文件即可继续" }
    ingest_fetching { "Fetching" "正在获取" }
    ingest_queued { "Waiting to be decoded" "等待解码" }
    ingest_decoding { "The server is decoding" "服务器正在解码" }
    pause { "Pause" "暂停" }
    server_source { "From a web address or the server" "来自网址或服务器" }
    url_label { "Address of a video file" "视频文件的网址" }
    url_open { "Fetch" "获取" }
    url_note { "The server gets the file, decodes it with FFmpeg, and keeps the frames." "服务器获取该文件，用 FFmpeg 解码，并保留画面。" }
    server_files { "On the server" "服务器上的视频" }
    server_no_files { "There are no videos in the server’s folders." "服务器的文件夹里没有视频。" }
    demo_title { "This is the demo model" "当前是演示模型" }
    demo_note {
        "{} knows its own little world only: coloured shapes, words on slides, flashes of light. Real films need a real model."
        "{} 只认识它自己的小世界：彩色形状、幻灯片上的单词、闪光。真实影片需要真实模型。"
    }
    demo_how {
        "Download a published Qwen3-VL checkpoint under Models, above, and start the server with it:"
        "在上方的“模型”中下载已发布的 Qwen3-VL 检查点，并用它启动服务器："
    }
    demo_link { "How to get one" "如何获取" }

    // models
    models { "Models" "模型" }
    models_here { "On this server" "服务器上的模型" }
    model_running { "Answering now: {}" "当前运行：{}" }
    model_switch { "A model that is pulled does not replace the one that runs. To run it, start the server with its name:" "下载的模型不会替换正在运行的模型。要运行它，请用它的名字启动服务器：" }
    model_complete { "Complete" "完整" }
    model_partial { "In part" "部分" }
    model_pulling { "Downloading" "下载中" }
    models_minutes { "Judged by a video of" "按视频长度判断" }
    minutes_count { "{} min" "{} 分钟" }
    fit_yes { "Fits this server with a video of {} min" "这台服务器可以运行，视频可达 {} 分钟" }
    fit_memory { "Does not fit a video of {} min: {} of memory are wanting" "{} 分钟的视频放不下：内存还差 {}" }
    fit_context { "A video of {} min is more than its context holds" "{} 分钟的视频超出它的上下文" }
    fit_precision { "try --precision {}" "可用 --precision {}" }
    fit_shorter { "at most {} min" "最长 {} 分钟" }
    pull { "Download" "下载" }
    pull_label { "Model repository" "模型仓库" }
    pull_file { "GGUF file (optional)" "GGUF 文件（可选）" }
    pull_hint { "From the hub the server is set to. A cut or a closed page loses nothing: what arrived is kept, and Resume goes on from there." "从服务器所设的模型库下载。断线或关闭页面都不会丢失进度：已下载的部分会保留，点“继续”即可接着下载。" }
    pull_listing { "Asking the hub …" "正在询问模型库……" }
    pull_checking { "Checking what is here …" "正在检查已有文件……" }
    pull_loading { "Downloading" "正在下载" }
    pull_waiting { "The connection was cut. Trying again …" "连接中断，正在重试……" }
    pull_speed { "{}/s" "{}/秒" }

    // workbench
    missing_title { "No such video" "没有这个视频" }
    to_library { "Back to the library" "返回视频库" }
    player_label { "Video" "视频" }
    repick_title { "Pick the file again to play it" "重新选择文件即可播放" }
    repick_note {
        "The video itself never left your machine, so after a reload this page needs it again: {}. Frames and answers are all here, and you can go on asking."
        "视频从未离开你的电脑，所以刷新后需要重新选择：{}。画面和回答都在，可以继续提问。"
    }
    repick { "Pick the file" "选择文件" }
    repick_other { "This looks like another file ({}, {}). Frames and answers belong to {} ({})." "这似乎是另一个文件（{}，{}）。画面和回答属于 {}（{}）。" }
    use_anyway { "Use it anyway" "仍然使用" }
    cannot_play { "This browser cannot play the file. The frames the model saw are shown instead." "此浏览器无法播放该文件，改为显示模型看到的画面。" }
    frames_of_server { "The video itself is on the server. The frames the model saw are shown." "视频本身在服务器上，这里显示模型看到的画面。" }
    frame_at { "Frame at {}" "{} 处的画面" }
    no_picture { "No frame yet" "还没有画面" }

    timeline { "Timeline" "时间轴" }
    timeline_help { "Click to jump. Scroll to zoom, drag the ruler to pan. Arrow keys move, plus and minus zoom." "点击跳转；滚轮缩放，拖动标尺平移；方向键移动，加减号缩放。" }
    zoom_in { "Zoom in" "放大" }
    zoom_out { "Zoom out" "缩小" }
    zoom_fit { "Whole video" "整段视频" }
    position { "{} of {}" "{} / {}" }

    subtitles { "Subtitles" "字幕" }
    chapters { "Chapters" "章节" }
    chapters_copy { "Copy the chapters, as video sites read them" "复制章节（视频网站的格式）" }
    outline_none { "No chapters yet." "还没有章节。" }
    outline_nothing { "The model named nothing in this video." "模型没有说出这个视频里的内容。" }
    outline_begin { "Find chapters" "生成章节" }
    outline_on { "Go on finding chapters" "继续生成章节" }
    outline_again { "Find the chapters anew" "重新生成章节" }
    outline_hint { "The model looks at every moment that shows something new; questions come first" "模型会查看每个出现新内容的时刻；提问优先" }
    outline_running { "Looking through the video" "正在浏览视频" }
    outline_looks { "{} of {} moments" "已看 {} / {} 个时刻" }
    scenes_count { "All scenes ({})" "全部场景（{}）" }
    subtitles_none { "No subtitles. Drop a file here: SRT, WebVTT, ASS, TTML, up to 8 MB." "没有字幕。把文件拖到这里：SRT、WebVTT、ASS、TTML，最大 8 MB。" }
    subtitles_add { "Add" "添加" }
    subtitles_search { "Search the subtitles" "搜索字幕" }
    subtitles_not_found { "These words are not in the subtitles." "字幕中没有这些内容。" }
    subtitles_edit { "Change the text" "修改文字" }
    subtitles_export { "Download" "下载" }
    subtitles_timing { "Correct the times" "校正时间" }
    subtitles_offset { "Later by seconds (earlier: negative)" "延后秒数（提前用负数）" }
    subtitles_rate { "Frame rate" "帧率" }
    subtitles_rate_same { "As it is" "保持不变" }
    subtitles_apply { "Apply" "应用" }
    subtitles_delete { "Delete subtitles" "删除字幕" }
    subtitles_taken { "{}: {} subtitles, {}, {}" "{}：{} 条字幕，{}，{}" }
    tracks_taken { "Subtitles inside the video file: {} taken in" "视频文件内的字幕：已读入 {} 条轨道" }
    tracks_refused { "not read: {}" "未读：{}" }
    subtitles_repaired { "Lines repaired: {}" "已修复的行：{}" }
    subtitles_line { "line {}: {}" "第 {} 行：{}" }
    hear { "Transcribe speech" "转写语音" }
    hear_hint { "The server hears what is said and writes it here, with times. Of a file in this browser only the sound is sent." "服务器会听取视频中的话，并带时间写在这里。浏览器中的文件只发送声音。" }
    hearing_waiting { "Waiting: another video is being transcribed" "等待中：正在转写另一段视频" }
    hearing_listening { "Transcribing speech" "正在转写语音" }
    hear_on { "Go on transcribing" "继续转写" }
    hearing_needs_file { "Waiting for sound: pick the file again, or open this video where it was begun." "等待声音：请重新选择文件，或在开始转写的页面中打开此视频。" }
    hearing_cues { "{} subtitles" "{} 条字幕" }
    hearing_silence { "No speech was heard in this video." "这段视频中没有听到语音。" }
    hearing_stopped { "Stopped. What was heard stays." "已停止，已转写的内容会保留。" }
    hearing_no_model { "No speech model is set. Get one with `timepin pull openai/whisper-base`, then start the server with --speech-model openai/whisper-base, or set speech_model in config.yaml." "没有设置语音模型。先运行 `timepin pull openai/whisper-base` 获取，再以 --speech-model openai/whisper-base 启动服务器，或在 config.yaml 中设置 speech_model。" }
    hearing_model { "The speech model does not work: {}." "语音模型无法工作：{}。" }
    hearing_no_sound { "There is no sound to transcribe: {}." "没有可以转写的声音：{}。" }
    hearing_too_many { "{} videos are waiting to be transcribed already. Stop one or come back later." "已有 {} 段视频在等待转写。请停止其中一个，或稍后再来。" }
    hearing_left { "No sound came for a minute, so transcribing stopped. What was heard stays; begin again to hear the rest." "一分钟没有收到声音，转写已停止。已转写的内容会保留；要听完其余部分请重新开始。" }
    hearing_unknown { "This video is not being transcribed any more. Begin again." "这段视频已不在转写中，请重新开始。" }
    subtitles_found { "In the subtitles" "字幕中提到" }
    subtitles_similar { "Not in these words; nearest in meaning:" "没有出现这些词，意思最接近的是：" }
    subtitles_nowhere { "The subtitles do not mention it." "字幕中没有提到。" }
    damage_characters { "bytes that are no characters were replaced" "无法识别的字符已替换" }
    damage_header { "the header is missing; read all the same" "缺少文件头，已照常读取" }
    damage_number { "the number is missing; read all the same" "缺少序号，已照常读取" }
    damage_separator { "the empty line before it is missing; read all the same" "前面缺少空行，已照常读取" }
    damage_empty_line { "an empty line within the text was taken out" "文字中的空行已去掉" }
    damage_time_form { "the time is written in an unusual form; understood" "时间写法不规范，已识别" }
    damage_time { "the time cannot be read; left out" "时间无法识别，已略过" }
    damage_end_before_start { "the end was before the start; a new end was chosen" "结束早于开始，已重新设定结束时间" }
    damage_overlap { "it overlapped the next one; it ends there now" "与下一条重叠，已提前结束" }
    damage_order { "out of order; moved" "顺序错乱，已重新排序" }
    damage_text { "no text; left out" "没有文字，已略过" }
    damage_stray { "text without a time; left out" "文字没有时间，已略过" }
    damage_length { "too much text; cut" "文字太长，已截断" }
    damage_markup { "the markup is broken; read up to here" "标记损坏，只读到这里" }

    budget_frames { "frames" "帧" }
    budget_size { "seen at" "画面尺寸" }
    budget_tokens { "tokens" "词元" }
    budget_each { "per look" "每次观看" }
    budget_seconds { "{} s" "{} 秒" }
    budget_title { "What the model will see" "模型将看到什么" }
    budget_coarse { "One look covers {} seconds: moments shorter than that may be missed." "每次观看覆盖 {} 秒：更短的瞬间可能会被漏掉。" }
    question_brief { "This asks about something short, and one look covers {} s: it may fall between two looks." "问的是短暂的事，而每次观看覆盖 {} 秒：它可能落在两次观看之间。" }
    file_damaged { "The file is damaged. What can be read is read; what is missing:" "文件已损坏。能读取的部分都会读取；缺失的是：" }
    budget_searched { "Longer than this model reads at once: questions search it window by window, which takes a while." "视频超出该模型一次能看的长度：提问时会逐段查找，需要一些时间。" }
    budget_context { "The whole video does not fit this model’s context of {} tokens." "整段视频超出了该模型 {} 词元的上下文。" }
    reading_frames { "Reading frames" "正在读取画面" }
    reading_overview { "Looking ahead" "正在概览" }
    frames_of { "{} of {} frames" "{} / {} 帧" }
    covered { "{} of {}" "{} / {}" }
    rate { "{} frames/s" "每秒 {} 帧" }
    time_left { "{} left" "剩余 {}" }
    indexing { "Building the index: {} of {} looks" "正在建立索引：{} / {}" }
    finishing { "Looking at what came and went between two looks, closing the index …" "正在补看两次取帧之间一闪而过的画面，完成索引……" }
    reconnecting { "The server does not answer. Trying again …" "服务器没有响应，正在重试……" }
    cancel { "Cancel" "取消" }
    resume { "Resume" "继续" }
    paused { "Paused at {} of {} frames. What is there can be asked about." "已暂停：{} / {} 帧。已有的画面可以提问。" }
    paused_file { "Pick the file again to go on." "重新选择文件即可继续。" }
    index_ready { "Index complete" "索引完成" }

    conversation { "Questions" "提问" }
    question_label { "Your question" "你的问题" }
    question_hint { "When does … appear?" "……什么时候出现？" }
    ask { "Ask" "提问" }
    stop { "Stop" "停止" }
    try_asking { "Try asking" "可以这样问" }
    ask_anything { "Ask when something happens" "问一件事何时发生" }
    ask_anything_note { "Answers come with their moments. Click one, and the player jumps there." "回答会附上时刻，点击即可跳转。" }
    ask_early { "The index is still growing; your answer may have to wait for it." "索引仍在建立，回答可能需要稍等。" }
    ask_overview { "Overview so far: looked at closely up to {}, behind that a glance every {} s." "目前是概览：{} 之前已细看，之后约每 {} 秒看一眼。" }
    coarse_note { "From the overview: looked at closely up to {}, behind that a glance every {} s. Times there are that coarse, and short moments may be missed; ask again when the index is complete." "来自概览：{} 之前已细看，之后约每 {} 秒看一眼。后面的时间只有这样的精度，短暂的瞬间可能漏掉；索引完成后请再问一次。" }
    waiting { "Thinking …" "思考中……" }
    waiting_behind { "Waiting for its turn; questions ahead: {}" "排队中，前面还有 {} 个问题" }
    thought { "Thoughts" "思考过程" }
    reading_prompt { "Looking at the video: {} %" "正在观看视频：{}%" }
    stopped { "Stopped." "已停止。" }
    searching { "Searching {}–{}, {} of {}" "正在查找 {}–{}（第 {} 段，共 {} 段）" }
    looking_closer { "Looking closer at {}" "正在细看 {}" }
    search_cost { "windows searched: {}, places found: {} · {} tokens · {} s" "查找了 {} 段，找到 {} 处 · {} 词元 · {} 秒" }
    search_leads { "Not all of it fits. Read closely where it looks like what is asked for:" "放不下整个视频，在画面像所问之处细读：" }
    search_places { "Found at" "找到的位置" }
    search_named { "read around what the question or the subtitles name; places: {}" "只看了问题或字幕指明的 {} 处" }
    round_cost { "looked closer at {} · {} frames fetched · {} tokens · {} s" "细看了 {} · 取来 {} 帧 · {} 词元 · {} 秒" }
    round_stands { "It told nothing more certain, so the answer stands." "细看没有得到更可靠的结果，保留原来的回答。" }
    round_no_file { "The video file is needed to look closer: pick it again, then ask again." "要细看需要视频文件：请重新选择该文件，然后再问一次。" }
    round_stopped { "You stopped the closer look; the answer stands." "已停止细看，保留原来的回答。" }
    round_failed { "The closer look failed; the answer stands." "细看失败，保留原来的回答。" }
    earlier { "Answer before the closer look" "细看之前的回答" }
    incomplete { "This answer was interrupted." "这个回答被中断了。" }
    ask_again { "Ask again" "再问一次" }
    copy { "Copy answer" "复制回答" }
    copied { "Copied" "已复制" }
    delete_question { "Delete question" "删除问题" }
    jump { "Jump to {}" "跳到 {}" }
    jump_doubtful { "Jump to {}; the model looked elsewhere when it wrote this time" "跳到 {}；模型写下这个时间时看的是别处" }
    looked_at { "Looked at {} ± {} s; click to jump there" "看的是 {}，± {} 秒；点击跳转" }
    jump_coarse { "Jump to {}; seen through the overview, {} s apart" "跳到 {}；来自概览，间隔 {} 秒" }
    usage { "first word after {} s · {} s in all · {} tokens read, {} kept" "首字 {} 秒 · 共 {} 秒 · 读取 {} 词元，复用 {}" }
    minimap { "Visible part" "可见部分" }

    // suggestions: the kinds of questions the demo world knows
    suggest_list { "List the events" "列出所有事件" }
    suggest_when { "When does the red circle appear?" "红色圆形什么时候出现？" }
    suggest_what { "What is shown at 0:30?" "0:30显示什么？" }
    suggest_flash { "When does the flash appear?" "闪光什么时候出现？" }
    suggest_count { "How many times does the blue circle appear?" "蓝色圆形出现了几次？" }
    suggest_real_list { "List the main events with their times" "列出主要事件及其时间" }
    suggest_real_when { "When does the first person appear?" "第一个人什么时候出现？" }
    suggest_real_text { "When is text shown on screen, and what does it say?" "画面上什么时候出现文字，写了什么？" }

    // not found
    lost_title { "This page is not on the timeline" "时间轴上没有这一页" }
    lost_note { "The address may be mistyped, or the video was deleted." "地址可能有误，或视频已被删除。" }

    // errors of the extraction
    not_a_video { "This is not a video we can read. Choose an MP4, MOV, MKV, WebM, AVI or TS file." "这不是可以读取的视频。请选择 MP4、MOV、MKV、WebM、AVI 或 TS 文件。" }
    empty_file { "The file is empty. Check that it was copied or downloaded completely." "文件是空的。请检查是否已完整复制或下载。" }
    truncated { "The file is incomplete: it was cut off before its end. Copy or download it again." "文件不完整，在结尾之前被截断。请重新复制或下载。" }
    no_video_track { "There is no video track in this file, only sound. Choose a file with a picture." "文件中没有视频画面，只有声音。请选择带画面的文件。" }
    zero_duration { "The video has no length: its track is empty. Export it again from its source." "视频没有长度，轨道是空的。请从源文件重新导出。" }
    unsupported_container { "{} files cannot be read. Convert it to MP4 (H.264) and try again." "无法读取 {} 文件。请转换为 MP4（H.264）后再试。" }
    no_sound_track { "There is no sound in this file." "这个文件没有声音。" }
    unsupported_sound { "The sound of this file cannot be read in this browser ({}). Try another browser, or open the file from the server's folders: there the server decodes it." "此浏览器无法读取这个文件的声音（{}）。请换一个浏览器，或从服务器的文件夹打开该文件，由服务器解码。" }
    unsupported_codec { "This browser cannot decode {} in this {} file. Try another browser, or convert the file to MP4 with H.264." "此浏览器无法解码这个文件的视频：{}（{}）。请换一个浏览器，或转换为 MP4（H.264）。" }
    bad_shape { "The picture is too small or too thin for the model ({}). Choose a video with a larger picture." "画面太小或太窄，模型无法观看（{}）。请选择画面更大的视频。" }
    damaged { "The file is damaged ({}). Copy or export it again." "文件已损坏（{}）。请重新复制或导出。" }
    decode_failed { "Decoding stopped: {}. What was read so far is kept; try to resume." "解码中断：{}。已读取的部分会保留，可以尝试继续。" }
    read_failed { "The file can no longer be read ({}). If it was moved or changed, pick it again." "无法继续读取文件（{}）。如果文件被移动或更改，请重新选择。" }
    cancelled { "Cancelled. What was read so far is kept." "已取消，已读取的部分会保留。" }
    no_webcodecs { "This browser cannot decode video for web pages (no WebCodecs). Use a current Chrome, Edge, Firefox or Safari on a secure page." "此浏览器不能为网页解码视频（没有 WebCodecs）。请在安全连接下使用新版 Chrome、Edge、Firefox 或 Safari。" }
    worker_failed { "The reader could not start ({}). Reload the page and try again." "读取程序无法启动（{}）。请刷新页面后重试。" }
    file_gone { "The file can no longer be read. Choose it again." "无法继续读取文件，请重新选择。" }
    other_file { "This is not the file the upload was begun with. Pick that one, or cancel the upload." "这不是当初上传的文件。请选择原来的文件，或取消上传。" }
    sample_failed { "The sample could not be fetched. Check the connection and try again." "无法获取示例。请检查网络后重试。" }

    // errors of downloads
    pull_bad_name { "“{}” is no name of a model repository. Write it as owner/name, such as Qwen/Qwen3-VL-2B-Instruct." "“{}”不是模型仓库的名字。请写成 所有者/名称，例如 Qwen/Qwen3-VL-2B-Instruct。" }
    pull_bad_endpoint { "The server's HF_ENDPOINT is “{}”, which is no web address. Set it right and restart the server." "服务器的 HF_ENDPOINT 是“{}”，不是网址。请改正后重启服务器。" }
    pull_no_hub { "What answers at {} is no model hub. Check the server's HF_ENDPOINT." "{} 的应答不像模型库。请检查服务器的 HF_ENDPOINT。" }
    pull_no_tls { "The server cannot make secure connections. Install the package ca-certificates on it." "服务器无法建立安全连接。请在服务器上安装 ca-certificates 软件包。" }
    pull_offline { "The server cannot reach {}. Check its network, or set HF_ENDPOINT to a mirror that it can reach." "服务器连不上 {}。请检查网络，或把 HF_ENDPOINT 设为可以访问的镜像。" }
    pull_unknown { "There is no model {} at {}; check the spelling. For a private one, set HF_TOKEN on the server." "没有找到模型 {}（{}），请检查拼写。如果是私有模型，请在服务器上设置 HF_TOKEN。" }
    pull_revision { "{} has no revision “{}”. Leave the part after @ out for the newest." "{} 没有版本“{}”。去掉 @ 之后的部分即可下载最新版本。" }
    pull_gated { "{} is not open to everybody: accept its terms at {}, create an access token there, and set HF_TOKEN on the server to it." "{} 需要授权：请在 {} 接受条款，创建访问令牌，并在服务器上设为 HF_TOKEN。" }
    pull_token { "The server's access token may not read {}. Accept the terms at {} with the account of the token, or set HF_TOKEN to another." "服务器的访问令牌无权读取 {}。请用令牌所属的账号在 {} 接受条款，或更换 HF_TOKEN。" }
    pull_no_weights { "{} has neither safetensors nor GGUF files. It is no model that Timepin can load." "{} 没有 safetensors 或 GGUF 文件，Timepin 无法加载这个模型。" }
    pull_choose { "{} has several GGUF files. Name one in the field for it, such as Q4_K_M: {}." "{} 有多个 GGUF 文件，请在文件一栏写明其中一个，例如 Q4_K_M：{}。" }
    pull_no_file { "No weights like “{}” in {}. There are: {}." "没有与“{}”相符的权重（{}）。现有：{}。" }
    pull_pattern { "“{}” is no pattern for a file's name. Write a part of it, such as Q4_K_M." "“{}”不是有效的文件名模式。请写文件名的一部分，例如 Q4_K_M。" }
    pull_unsafe { "The hub lists a file with an unsafe name, so nothing was downloaded: {}." "模型库列出的文件名不安全，因此没有下载：{}。" }
    pull_disk_full { "Too little space on the server: {} are needed and {} are free in {}. Make room, or choose another data folder." "服务器磁盘空间不足：还需要 {}，可用 {}（{}）。请清理磁盘或更换数据文件夹。" }
    pull_checksum { "{} arrived altered and was thrown away. Try again; if it happens again, something between the server and the hub changes it." "{} 与校验和不符，已丢弃。请重试；如果再次出现，请检查服务器与模型库之间的网络设备。" }
    pull_cut { "The connection was cut several times (at {}). What was loaded is kept; resume when the network is back." "连接多次中断（{}）。已下载的部分会保留，网络恢复后可以继续。" }
    pull_busy { "{} refuses for now (status {}). What was loaded is kept; resume later." "{} 暂时拒绝请求（状态 {}）。已下载的部分会保留，请稍后继续。" }
    pull_in_use { "Another Timepin is downloading this model. Wait for it, or stop it. ({})" "另一个 Timepin 正在下载这个模型。请等待或停止它。（{}）" }
    pull_missing { "The model {} is not on the server." "服务器上没有模型 {}。" }
    pull_partial { "The model {} is on the server in part only. Resume its download." "服务器上只有模型 {} 的一部分。请继续下载。" }
    pull_manifest { "{} cannot be read. Delete it on the server and download again: files that are whole are kept." "无法读取 {}。请在服务器上删除它再重新下载，完整的文件会保留。" }
    pull_disk_failed { "The server cannot use {}: {}." "服务器无法读写 {}：{}。" }
    pull_cancelled { "Stopped. What was loaded is kept." "已停止，已下载的部分会保留。" }

    // errors of files that the server decodes
    ingest_unknown { "This upload is not known on the server; it may have been cancelled. Begin again." "服务器上没有这个上传，它可能已被取消。请重新开始。" }
    ingest_bad_upload { "The upload cannot be taken: {}." "无法接收这个上传：{}。" }
    ingest_too_large { "The file has {}; the server takes at most {}. Cut it, or raise ingest_max_bytes on the server." "文件大小为 {}，服务器最多接收 {}。请剪短文件，或在服务器上调高 ingest_max_bytes。" }
    ingest_too_many { "The server has {} files under way, the most it takes. Finish or cancel one." "服务器正在处理 {} 个文件，已达上限。请先完成或取消一个。" }
    ingest_disk_full { "Too little space on the server: {} are needed and {} are free. Make room, then try again: what was received is kept." "服务器磁盘空间不足：需要 {}，可用 {}。请腾出空间后重试，已接收的部分会保留。" }
    ingest_disk_failed { "The server cannot read or write the file: {}. Try again; if it stays, look at the server’s log." "服务器无法读写文件：{}。请重试；若仍失败，请查看服务器日志。" }
    ingest_no_ffmpeg { "The server has no FFmpeg. Install it there (on Debian: apt install ffmpeg), then try again." "服务器上没有 FFmpeg。请在服务器上安装（Debian：apt install ffmpeg）后重试。" }
    ingest_not_a_video { "FFmpeg cannot read this file either ({}). Convert it to MP4 with H.264." "FFmpeg 也无法读取该文件（{}）。请转换为 MP4（H.264）。" }
    ingest_undecodable { "Not a frame of this file could be decoded ({}). Get or export it again." "无法解码该文件的任何画面（{}）。请重新获取或导出。" }
    ingest_refused { "The server could not take the frames: {}. Try again." "服务器未能接收画面：{}。请重试。" }
    ingest_no_folders { "The server has no folders to open videos from. Set ingest_roots on the server." "服务器没有可供打开视频的文件夹。请在服务器上设置 ingest_roots。" }
    ingest_no_such_file { "There is no video “{}” in the server’s folders. Open the list again." "服务器的文件夹里没有视频“{}”。请重新打开列表。" }
    ingest_bad_url { "“{}” is no address of a file. It begins with http:// or https:// and has no password." "“{}”不是文件的网址。网址应以 http:// 或 https:// 开头，且不含密码。" }
    ingest_private { "{} is in a private network, where the server does not go. Set ingest_allow_private on the server if it may." "{} 位于私有网络，服务器不会访问。如需允许，请在服务器上设置 ingest_allow_private。" }
    ingest_unreachable { "{} cannot be reached from the server. Check the address, then try again." "服务器连不上 {}。请检查网址后重试。" }
    ingest_web_page { "{} sent a web page, not a video. Give the address of the file itself." "{} 返回的是网页，不是视频。请填写文件本身的网址。" }
    ingest_http_status { "{} refuses with status {}. Check the address, then try again." "{} 拒绝了请求（状态 {}）。请检查网址后重试。" }
    ingest_cut { "The connection to {} was cut several times. What came is kept; try again." "与 {} 的连接多次中断。已获取的部分会保留，请重试。" }
    ingest_timed_out { "The file did not come within {} minutes. What came is kept; try again, or raise ingest_timeout on the server." "文件未能在 {} 分钟内取完。已获取的部分会保留，请重试，或在服务器上调高 ingest_timeout。" }

    // errors of the server
    unknown_video { "There is no such video. It may have been deleted." "没有这个视频，它可能已被删除。" }
    unknown_question { "There is no such question. It may have been deleted." "没有这个问题，它可能已被删除。" }
    unknown_transcript { "There are no such subtitles. They may have been deleted." "没有这份字幕，它可能已被删除。" }
    unknown_cue { "There is no such line. It may have been deleted or replaced." "没有这条字幕，它可能已被删除或替换。" }
    subtitles_unreadable { "These subtitles cannot be read: {}." "无法读取字幕：{}。" }
    transcript_refused { "The subtitles were not changed: {}." "字幕没有更改：{}。" }
    no_frames { "There is nothing to look at yet. Wait until the first frames are read, then ask again." "还没有可看的画面。请等第一批画面读取后再提问。" }
    not_ready { "The video is still being read. Wait until its index is complete, then try again." "视频仍在读取。请等索引完成后再试。" }
    not_an_image { "The server could not read a frame as an image. Cancel, then resume." "服务器无法把某一帧读作图像。请取消后继续。" }
    body_too_large { "The request was too large for the server. Reload the page and resume." "请求超过了服务器的大小限制。请刷新页面后继续。" }
    empty_question { "Write a question first." "请先写下问题。" }
    question_too_long { "The question is too long ({}). Shorten it to at most {}." "问题太长（{}）。请缩短到 {} 以内。" }
    context_exceeded { "The question and the least of the video need {} tokens, {} more than the {} there are. Shorten the question, or raise max_context_length on the server." "问题和最少的画面需要 {} 个词元，比上限多 {} 个（上限 {}）。请缩短问题，或在服务器上调高 max_context_length。" }
    storage_full { "The server’s disk is full. Delete videos, or make room." "服务器磁盘已满。请删除视频或腾出空间。" }
    library_failed { "The library on the server failed: {}. Look at the server’s log." "服务器上的视频库出错：{}。请查看服务器日志。" }
    model_failed { "The model failed: {}. Ask again; if it stays, look at the server’s log." "模型出错：{}。请再问一次；若仍失败，请查看服务器日志。" }
    out_of_memory { "The server’s device ran out of memory in the middle. Ask again: memory was freed. If it stays, lower max_context_length or set kv_cache to 8." "服务器的计算设备中途内存不足。内存已释放，请再问一次；若仍失败，请调低 max_context_length 或把 kv_cache 设为 8。" }
    backend_failed { "The server that runs the model did not finish the answer: {}." "运行模型的服务器未能完成回答：{}。" }
    shutting_down { "The server is restarting. Ask again in a moment." "服务器正在重启，请稍后再问。" }
    bad_video { "This video cannot be added: {}." "无法添加这个视频：{}。" }
    too_many_frames { "{} frames are more than the server takes ({})." "{} 帧超过了服务器的上限（{}）。" }
    bad_request { "The server did not understand the request ({}). Reload the page." "服务器无法理解请求（{}）。请刷新页面。" }
    unreachable { "The server cannot be reached. Check that it is running, then try again." "无法连接服务器。请确认它正在运行，然后重试。" }
    interrupted { "The connection broke off. Ask again." "连接中断，请再问一次。" }
    internal { "Something went wrong on the server: {}. Try again." "服务器内部出错：{}。请重试。" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_take_the_same_values() {
        for (name, en, zh) in Messages::table() {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{name}");
            assert!(!en.is_empty() && !zh.is_empty(), "{name}");
        }
    }
}
